// The messages in their order: only what changed is touched, and the end stays in sight of those who are there.
const NEAR_END_PX = 40;
const NO_MESSAGES = "No messages yet. Write one below, or begin with messages of your own.";
const TOOLS_MARGIN = "400px 0px";

// transcript(shared) -> { node, log, all(), change(message), edit(source), editLast(), toEnd(), update(), stop() }
function transcript(shared) {
  const node = make("div", "pk-log-frame");
  const log = make("div", "pk-log", "", { role: "log", "aria-live": "polite", "aria-label": "Conversation", tabindex: "0" });
  const nothing = make("div", "pk-empty");
  const hint = make("p");
  const add = textButton("Add a message below", () => openFirst());
  nothing.append(hint, add);
  show(nothing, false);
  const newest = iconButton("newest", "Go to the newest message", () => toEnd(true), "pk-button pk-newest");
  show(newest, false);
  log.append(nothing);
  node.append(log, newest);
  const views = new Map();
  const near = new Map();
  let off = "";
  let atEnd = true;
  let toVeryEnd = false;
  let top = 0;
  let timer = null;
  let first = null;
  let leaving = null;

  const nearEnd = () => log.scrollHeight - log.scrollTop - log.clientHeight <= NEAR_END_PX;
  // Answers side by side begin together: their tops stay in sight, until the end is asked for.
  function tops() {
    const last = views.get(shared.state.order[shared.state.order.length - 1]);
    const several = last && !toVeryEnd && last.node.querySelector(".pk-several");
    return several ? last.node.getBoundingClientRect().top - log.getBoundingClientRect().top + log.scrollTop : Infinity;
  }
  function follow() {
    if (atEnd) log.scrollTop = Math.max(log.scrollTop, Math.min(log.scrollHeight - log.clientHeight, tops()));
    show(newest, !nearEnd());
  }
  function toEnd(focus) {
    atEnd = true;
    toVeryEnd = focus;
    follow();
    if (focus) log.focus({ preventScroll: true });
  }
  log.addEventListener("scroll", () => {
    // Growth alone never takes the end out of sight: only who scrolls up leaves it.
    if (nearEnd()) atEnd = true;
    else if (log.scrollTop < top - 1) atEnd = false;
    top = log.scrollTop;
    show(newest, !nearEnd());
  });
  log.addEventListener("click", (event) => {
    if (!event.target.closest("summary")) return;
    atEnd = false;
    requestAnimationFrame(() => requestAnimationFrame(() => {
      atEnd = nearEnd();
      follow();
    }));
  });
  const sizes = new ResizeObserver(follow);
  // Who draws the log larger than it would be by itself may.
  const drawn = new MutationObserver(() => {
    if (log.style.height && log.style.maxHeight !== "none") log.style.maxHeight = "none";
  });
  drawn.observe(log, { attributes: true, attributeFilter: ["style"] });
  sizes.observe(log);
  const sights = new IntersectionObserver((found) => {
    for (const one of found) {
      const view = views.get(one.target.dataset.id);
      if (view?.node !== one.target) continue;
      if (one.isIntersecting) near.set(one.target, view);
      else near.delete(one.target);
      view.near(one.isIntersecting);
    }
  }, { root: log, rootMargin: TOOLS_MARGIN });
  log.addEventListener("focusin", (event) => views.get(event.target.closest(".pk-entry")?.dataset.id)?.near(true));
  log.addEventListener("click", (event) => {
    const tool = event.target.closest("button");
    if (!tool || !waits(tool) || !shared.busy() || shared.gone()) return;
    event.stopPropagation();
    shared.inform(UNDER_WAY);
  }, true);
  // Only what is near is touched: the rest is set when it comes near, and at its use.
  function settleTools() {
    const now = `${shared.gone()} ${shared.busy()}`;
    if (now === off) return;
    off = now;
    near.forEach((view) => view.settle());
    first?.update();
    views.forEach((view) => view.editor()?.update());
  }

  function openFirst() {
    const editor = messageEditor(shared, { after: null, role: "user" }, (focus) => closeFirst(editor, focus));
    first = editor;
    show(add, false);
    nothing.append(first.node);
    first.focus();
  }
  function closeFirst(editor, focus) {
    editor.node.remove();
    if (first === editor) first = null;
    show(add, !first);
    if (focus) (nothing.hidden ? shared.composer() : add).focus();
  }
  const shownEntries = () => [...log.querySelectorAll(":scope > .pk-entry")];
  // Where the focus was, so that it can stay there in what takes the place.
  function whereFocus() {
    const focus = document.activeElement;
    const entry = log.contains(focus) ? focus.closest(".pk-entry") : null;
    if (!entry) return null;
    return { focus, at: shownEntries().indexOf(entry), does: focus.dataset.does ?? "" };
  }
  function restoreFocus(was) {
    if (!was || document.activeElement === was.focus) return;
    if (was.focus.isConnected && was.focus.getClientRects().length) return was.focus.focus({ preventScroll: true });
    if (document.activeElement !== document.body && document.activeElement?.isConnected) return;
    const by = was.does === "move_up" ? -1 : was.does === "move_down" ? 1 : 0;
    const all = shownEntries();
    const entry = all[Math.max(0, Math.min(all.length - 1, was.at + by))];
    views.get(entry?.dataset.id)?.near(true);
    const same = was.does && entry?.querySelector(`[data-does=${was.does}]`);
    const to = same || entry?.querySelector(".pk-tools:not([hidden]) button") || shared.composer();
    to.focus({ preventScroll: true });
    if (entry?.contains(to)) entry.scrollIntoView({ block: "nearest" });
  }
  function rescue(editor) {
    if (!editor.changed()) return;
    editor.orphan();
    node.after(editor.node);
  }
  function drop(id) {
    const view = views.get(id);
    const editor = view.editor();
    views.delete(id);
    sizes.unobserve(view.node);
    sights.unobserve(view.node);
    near.delete(view.node);
    view.stop();
    if (editor) rescue(editor);
    view.node.remove();
  }
  function sync(changed) {
    const { order, entries } = shared.state;
    const was = whereFocus();
    const wanted = new Set(order);
    const gone = [...views.keys()].filter((id) => !wanted.has(id));
    let place = log.firstElementChild;
    const keep = () => {
      while (place && (place === nothing || gone.some((id) => views.get(id)?.node === place))) place = place.nextElementSibling;
    };
    for (const id of order) {
      const isNew = !views.has(id);
      if (isNew) {
        views.set(id, entryView(shared));
        sizes.observe(views.get(id).node);
        sights.observe(views.get(id).node);
      }
      const view = views.get(id);
      if (isNew || changed === null || changed.has(id)) view.update(entries.get(id));
      keep();
      if (place === view.node) place = place.nextElementSibling;
      else log.insertBefore(view.node, place);
    }
    gone.forEach(drop);
    if (order.length) leaveEmpty();
    else show(nothing, true);
    restoreFocus(was);
  }
  function leaveEmpty() {
    const focused = nothing.contains(document.activeElement);
    if (first) rescue(first);
    if (first && nothing.contains(first.node)) first.node.remove();
    first = null;
    show(add, true);
    show(nothing, false);
    if (focused) shared.composer().focus({ preventScroll: true });
  }
  function liveColumns() {
    let live = false;
    for (const entry of shared.state.entries.values()) live ||= entry.columns.some((one) => one.state === "live");
    return live;
  }
  function tick() {
    const now = performance.now();
    for (const id of shared.state.order) {
      if (shared.state.entries.get(id)?.columns.some((one) => one.state === "live")) views.get(id)?.tick(now);
    }
  }
  function settle() {
    const waiting = shared.waiting();
    say(hint, waiting || NO_MESSAGES);
    if (waiting) show(nothing, true);
    if (!first) show(add, !waiting);
    const live = liveColumns() && !shared.gone();
    // What is read out is the answer that has ended, not each of its words.
    if ((log.getAttribute("aria-busy") === "true") !== live) log.setAttribute("aria-busy", String(live));
    if (live && timer === null) timer = setInterval(tick, 100);
    if (!live) {
      clearInterval(timer);
      timer = null;
    }
    if (live) tick();
    settleTools();
    follow();
  }
  return {
    node,
    log,
    toEnd: () => toEnd(false),
    update: settle,
    lost: () => views.forEach((view) => view.lost()),
    all() {
      if (liveColumns()) log.setAttribute("aria-busy", "true");
      sync(null);
      settle();
    },
    change(message) {
      if (liveColumns()) log.setAttribute("aria-busy", "true");
      if (message.put || message.order) sync(new Set((message.put ?? []).map((entry) => entry.id)));
      for (const [id, column] of message.grow ?? []) views.get(id)?.grow(column);
      settle();
    },
    edit(source) {
      views.get(source.id)?.edit(source);
    },
    editLast() {
      if (shared.busy()) return false;
      const { order, entries } = shared.state;
      const last = order.findLast((id) => entries.get(id).role === "user" && entries.get(id).can?.includes("edit"));
      if (last === undefined) return false;
      shared.askSource(last, "edit");
      return true;
    },
    stop() {
      clearInterval(timer);
      sizes.disconnect();
      sights.disconnect();
      drawn.disconnect();
      views.forEach((view) => view.stop());
    },
  };
}
