// Commands of one view whose fate matters to it: each has a number, and the kernel tells the view what became of it.

// numberedCommands(view) -> { number(command, ends), done(n), refused(n, why), forget() }
//   ends    { done(), refused(why) }, one of which is called, once; why is empty where the kernel has gone
function numberedCommands(view) {
  const waiting = new Map();
  let count = 0;
  function end(n, how, why) {
    const ends = waiting.get(n);
    waiting.delete(n);
    ends?.[how](why);
  }
  return {
    number(command, ends) {
      count += 1;
      waiting.set(count, ends);
      return { ...command, view, n: count };
    },
    done: (n) => end(n, "done"),
    refused: (n, why) => end(n, "refused", why),
    forget: () => [...waiting.keys()].forEach((n) => end(n, "refused", "")),
  };
}

// ipywidgets holds back what is typed into a field while the kernel has not answered what was typed there before, and a
// command must not overtake it. When the kernel answers a command of no effect, it has answered the field as well, and
// what was held back is on its way.

// fieldsFirst(root, settle) -> { then(post), stop() }
//   root           the panel's own element; the fields stand around it
//   settle(ends)   sends the command of no effect, and tells whether that went; ends as above
//   then(post)     calls post() in its turn, at once where nothing has been typed; tells whether it could be sent
function fieldsFirst(root, settle) {
  let waiting = [];
  let typed = false;
  const heard = (event) => {
    if (root.closest(".pk-chat")?.contains(event.target) && !root.contains(event.target)) typed = true;
  };
  function go() {
    const all = waiting;
    waiting = [];
    all.forEach((post) => post());
  }
  ["input", "change"].forEach((what) => window.addEventListener(what, heard, true));
  return {
    then(post) {
      if (!typed && !waiting.length) return post();
      waiting.push(post);
      if (waiting.length > 1) return true;
      typed = false;
      if (settle({ done: go, refused: go })) return true;
      waiting = [];
      return false;
    },
    stop: () => ["input", "change"].forEach((what) => window.removeEventListener(what, heard, true)),
  };
}
