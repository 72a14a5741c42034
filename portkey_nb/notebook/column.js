// growingColumn(body, foot) -> { apply(change), tick(seconds), done() }: a reply that grows in two given elements.
//   body   takes the reply; foot, the line under it, is set as text
//   apply  takes one change as the kernel's Growth makes it; a merged log of changes gives the same as each by itself
//   tick   says in foot what is waited for and how long, until the reply is done
//   done   whether the reply has ended
// Closed HTML comes from the kernel's own renderer and is only ever added; what is open comes as text and is set as text.
const WORDS = { wait: "waiting", think: "thinking", write: "writing" };

function growingColumn(body, foot) {
  const tail = document.createElement("span");
  tail.className = "pk-tail";
  tail.setAttribute("aria-hidden", "true");
  tail.append("");
  body.append(tail);
  body.setAttribute("aria-busy", "true");
  const stack = [body];
  let state = "wait";
  let thought = null;
  let note = "";

  function add(html) {
    const into = stack[stack.length - 1];
    if (tail.parentNode === into) tail.insertAdjacentHTML("beforebegin", html);
    else into.insertAdjacentHTML("beforeend", html);
    return tail.parentNode === into ? tail.previousElementSibling : into.lastElementChild;
  }
  function run(op) {
    if (op[0] === "=") add(op.slice(1));
    else if (op[0] === "-") stack.length > 1 && stack.pop();
    else {
      let inner = add(op.slice(1));
      while (inner.lastElementChild) inner = inner.lastElementChild;
      stack.push(inner);
    }
  }
  function place() {
    const into = stack[stack.length - 1];
    const home = into.tagName === "CODE" ? into : body;
    if (tail.parentNode !== home || tail.nextSibling) home.append(tail);
  }
  return {
    done: () => state === "done",
    apply(change) {
      if (change.n) note = ` · ${change.n}`;
      if (change.k) {
        body.insertAdjacentHTML("afterbegin", change.k);
        thought = body.firstElementChild;
        state = "think";
      }
      if (change.h) thought.lastElementChild.append(change.h);
      if (change.o || change.t) {
        if (thought && state === "think") thought.open = false;
        state = "write";
      }
      if (change.o) change.o.forEach(run);
      if (change.r) tail.firstChild.data = "";
      if (change.t) {
        const text = tail.firstChild;
        text.appendData(text.length ? change.t : change.t.replace(/^\n+/, ""));
      }
      place();
      if (change.e) add(change.e);
      if (change.d) {
        state = "done";
        tail.remove();
        body.setAttribute("aria-busy", "false");
        if (thought) thought.open = false;
      }
      if (change.f !== undefined) foot.textContent = change.f;
    },
    tick(seconds) {
      if (state === "done") return;
      foot.textContent = `${WORDS[state]} · ${seconds.toFixed(1)} s${note}`;
    },
  };
}
