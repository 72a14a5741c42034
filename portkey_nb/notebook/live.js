// Paints a running cell from small messages. Closed HTML comes from the kernel's own renderer and is only ever added;
// what is open comes as text and is set as text.
const WORDS = { wait: "waiting", think: "thinking", write: "writing" };

function column(box) {
  const body = box.children[box.children.length - 2];
  const foot = box.lastElementChild;
  const tail = document.createElement("span");
  tail.className = "pk-tail";
  tail.setAttribute("aria-hidden", "true");
  tail.append("");
  body.append(tail);
  body.setAttribute("role", "log");
  body.setAttribute("aria-live", "polite");
  body.setAttribute("aria-busy", "true");
  if (box.children.length > 2) body.setAttribute("aria-label", box.firstElementChild.textContent);
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

function view(el, shell) {
  el.classList.add("pk-live", "jp-RenderedHTMLCommon", "jp-RenderedHTML");
  el.innerHTML = shell;
  const columns = Array.from(el.firstElementChild.children, column);
  return {
    apply: (message) => message.slice(1).forEach(([i, change]) => columns[i].apply(change)),
    tick: (seconds) => columns.forEach((one) => one.tick(seconds)),
  };
}

export default () => {
  // One model may have no view yet, or several: what came is kept, and each view starts from it.
  const log = [];
  const held = new Map();
  const views = new Set();
  const begun = performance.now();
  let asked = 0;

  function take(message) {
    if (message[0] >= log.length) held.set(message[0], message);
    while (held.has(log.length)) {
      const next = held.get(log.length);
      held.delete(log.length);
      log.push(next);
      views.forEach((one) => one.apply(next));
    }
  }
  return {
    initialize({ model }) {
      const early = () => model.get("early").forEach(take);
      model.on("change:early", early);
      model.on("msg:custom", ({ m }) => {
        take(m);
        // Something is missing, as when the page was loaded anew: the kernel sends the whole when it can.
        if (held.size && performance.now() - asked > 1000) {
          asked = performance.now();
          model.send({ type: "hello" });
        }
      });
      early();
    },
    render({ model, el }) {
      const one = view(el, model.get("shell"));
      log.forEach(one.apply);
      views.add(one);
      const tick = () => one.tick((performance.now() - begun) / 1000);
      tick();
      const timer = setInterval(tick, 100);
      return () => {
        clearInterval(timer);
        views.delete(one);
      };
    },
  };
};
