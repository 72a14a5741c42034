// Paints a running cell from small messages: each of its columns grows as column.js lets it.
function column(box) {
  const body = box.children[box.children.length - 2];
  body.setAttribute("role", "log");
  body.setAttribute("aria-live", "polite");
  if (box.children.length > 2) body.setAttribute("aria-label", box.firstElementChild.textContent);
  return growingColumn(body, box.lastElementChild);
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
