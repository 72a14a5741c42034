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
