// What the page knows of one panel: the kernel's messages in their order, shared by all its views.
const HELLO_AGAIN_MS = [1000, 2000, 4000, 8000, 16000, 30000];

// wire(model) -> the state and its views; a view has an id and the functions all(), change(message), told(message).
function wire(model) {
  const entries = new Map();
  const views = new Map();
  const held = new Map();
  const state = { at: null, order: [], entries, bar: {} };
  let timer = null;
  let tries = 0;

  function hello() {
    const view = views.keys().next().value;
    if (view === undefined) return;
    clearTimeout(timer);
    timer = setTimeout(hello, HELLO_AGAIN_MS[Math.min(tries, HELLO_AGAIN_MS.length - 1)]);
    tries += 1;
    try {
      model.send({ do: "hello", view });
    } catch {
      clearTimeout(timer);
    }
  }
  function settled() {
    clearTimeout(timer);
    timer = null;
    tries = 0;
  }
  // What a page has is not sent again, see stage.py; what it watched as it grew is kept for views that join later.
  function keep(given) {
    const before = entries.get(given.id);
    const entry = { html: "", images: [], columns: [], ...before, ...given };
    for (const column of given.columns ?? []) {
      const old = before?.columns.find((one) => one.id === column.id);
      if (column.grown) {
        if (!old) return false;
        if (old.log) column.log = old.log;
        else column.html = old.html;
      } else if (column.html === undefined) column.log ??= [];
      if (column.state === "live") column.begun = old?.begun ?? performance.now() - (column.waited ?? 0) * 1000;
    }
    entries.set(entry.id, entry);
    return true;
  }
  function apply(message) {
    state.at = message.s;
    if (!(message.put ?? []).every(keep)) return false;
    for (const [id, columnId, change] of message.grow ?? []) {
      const column = entries.get(id)?.columns.find((one) => one.id === columnId);
      if (!column) return false;
      (column.log ??= []).push(change);
    }
    if (message.order) {
      state.order = message.order;
      const live = new Set(message.order);
      for (const id of entries.keys()) if (!live.has(id)) entries.delete(id);
      if (!message.order.every((id) => entries.has(id))) return false;
    }
    Object.assign(state.bar, message.bar);
    views.forEach((one) => one.change(message));
    return true;
  }
  function whole(message) {
    entries.clear();
    for (const entry of message.all.entries) keep(entry);
    state.order = message.all.entries.map((entry) => entry.id);
    state.bar = { ...message.all.bar };
    state.at = message.s;
    settled();
    views.forEach((one) => one.all());
  }
  function drain() {
    for (const s of held.keys()) if (s <= state.at) held.delete(s);
    while (state.at !== null && held.has(state.at + 1)) {
      const next = held.get(state.at + 1);
      held.delete(next.s);
      if (!apply(next)) {
        // Something that it speaks of is not here.
        state.at = null;
        hello();
      }
    }
  }
  return {
    state,
    take(message) {
      if (message.all) {
        const wanted = state.at === null || message.s > state.at;
        if (wanted || (views.has(message.to) && timer !== null)) whole(message);
        drain();
      } else if (message.s === undefined) {
        if (message.to) views.get(message.to)?.told(message);
        else views.forEach((one) => one.told(message));
      } else {
        if (state.at === null || message.s > state.at) held.set(message.s, message);
        drain();
        if (held.size && timer === null) hello();
      }
    },
    join(id, view) {
      views.set(id, view);
      if (state.at === null) hello();
      else view.all();
      return () => {
        views.delete(id);
        if (!views.size) settled();
      };
    },
  };
}
