// The chat panel's page: one state per model, as the kernel tells it, and a view of it wherever it is shown.
const PATIENCE_MS = 3000;
const GONE = "The kernel is gone or was restarted: run the cell again to go on. What you typed stays here to be copied.";
const BUSY = "The kernel is busy; it answers when it is free.";
const NOT_YET = "The kernel is busy; the conversation comes when it is free.";
const UNCOPIED = "The browser does not let this page copy; select the text and copy it by key.";
const SEEN_MARGIN = "300px";

function panelBar(shared) {
  const node = make("div", "pk-bar");
  const title = make("span", "pk-title");
  const demo = make("span", "pk-demo", "demo", { title: "The demo gateway answers: what it says and costs is made up" });
  const totals = make("span", "pk-totals");
  const buttons = make("div", "pk-bar-buttons", "", { role: "toolbar", "aria-label": "Conversation" });
  const settleStops = rove(buttons);
  const quiet = (words, act) => textButton(words, act, "pk-button pk-quiet");
  const undo = quiet("Undo", () => shared.ask({ do: "undo" }));
  const redo = quiet("Redo", () => shared.ask({ do: "redo" }));
  const clear = quiet("Clear", () => shared.ask({ do: "clear" }));
  const copyAll = quiet("Copy all", () => shared.ask({ do: "copy_all", view: shared.view }));
  const code = quiet("As code", () => shared.ask({ do: "code", view: shared.view }));
  code.setAttribute("aria-expanded", "false");
  buttons.append(undo, redo, clear, copyAll, code);
  settleStops();
  node.append(title, demo, totals, buttons);
  return {
    node,
    code,
    copyAll,
    update() {
      const now = shared.bar();
      const off = shared.gone();
      say(title, now.title ?? "");
      show(demo, now.demo === true);
      say(totals, now.totals ?? "");
      setOff(undo, off || !now.undo);
      setOff(redo, off || !now.redo);
      setOff(clear, off || !now.clear);
      setOff(copyAll, off || !shared.state.order.length);
      setOff(code, off);
    },
  };
}

// JupyterLab takes no key from inside the panel, its fields included, but the one that saves the notebook, which
// everybody presses everywhere. The fields are around the page's own element, which is put among them late.
const OWN_KEYS = "data-lm-suppress-shortcuts";

function ownKeys(root) {
  const press = (event) => {
    const whole = [root.closest(".pk-chat"), root].filter(Boolean);
    if (!whole[0].contains(event.target)) return;
    const save = (event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey && event.key.toLowerCase() === "s";
    const own = () => whole.forEach((one) => one.setAttribute(OWN_KEYS, "true"));
    if (!save) return own();
    whole.forEach((one) => one.removeAttribute(OWN_KEYS));
    setTimeout(own);
  };
  window.addEventListener("keydown", press, true);
  return () => window.removeEventListener("keydown", press, true);
}

// Without a kernel nothing hears of the fields: they stay to be read and copied from, and to be folded.
function disableFields(root) {
  const chat = root.closest(".pk-chat");
  for (const one of chat?.querySelectorAll("input, textarea, select, button") ?? []) {
    if (root.contains(one) || one.matches(".jupyter-widget-toggle-button, .widget-toggle-button")) continue;
    if (one.matches("textarea, input:not([type=checkbox])")) one.readOnly = true;
    else one.disabled = true;
  }
}

function takeFiles(root, take) {
  const files = (event) => event.dataTransfer?.types.includes("Files");
  root.addEventListener("dragover", (event) => {
    if (!files(event)) return;
    event.preventDefault();
    event.stopPropagation();
    event.dataTransfer.dropEffect = "copy";
    root.classList.add("pk-dropping");
  });
  root.addEventListener("dragleave", (event) => {
    if (!root.contains(event.relatedTarget)) root.classList.remove("pk-dropping");
  });
  root.addEventListener("drop", (event) => {
    root.classList.remove("pk-dropping");
    if (!files(event)) return;
    event.preventDefault();
    event.stopPropagation();
    take([...event.dataTransfer.files]);
  });
}

function panelView(model, el, page) {
  const root = make("div", "pk-panel", "", { "data-lm-suppress-shortcuts": "true", role: "group", "aria-label": "Chat panel" });
  const said = notices();
  let gone = false;
  let beginning = null;
  let patience = null;
  let unheard = false;
  let copying = null;
  let noticed = null;
  const seen = new IntersectionObserver((found) => {
    for (const one of found) {
      if (!one.isIntersecting) continue;
      seen.unobserve(one.target);
      decorateSeen(model, one.target);
    }
  }, { rootMargin: SEEN_MARGIN });

  function send(command, buffers) {
    if (gone) return false;
    try {
      model.send(command, undefined, buffers);
      return true;
    } catch {
      lost();
      return false;
    }
  }
  const view = fresh("view");
  const commands = numberedCommands(view);
  const fields = fieldsFirst(root, (ends) => send(commands.number({ do: "settle" }, ends)));
  const shared = {
    view,
    state: page.state,
    bar: () => page.state.bar,
    gone: () => gone,
    // Why there is no conversation yet; empty for as long as one usually takes to come.
    waiting: () => (unheard && page.state.at === null && !gone ? NOT_YET : ""),
    busy: () => !gone && (beginning !== null || page.state.bar.busy === true),
    inform: said.inform,
    fail: said.fail,
    tell: (command) => send({ ...command, view: shared.view }),
    // With ends, see commands.js, what becomes of it is told to them; else what is wrong with it comes as a notice.
    ask(command, ends, buffers) {
      patience ??= setTimeout(() => said.inform(BUSY), PATIENCE_MS);
      return fields.then(() => {
        const sent = send(ends ? commands.number(command, ends) : command, buffers);
        if (!sent) ends?.refused("");
        return sent;
      });
    },
    // What begins an answer can be stopped from then on, whether the kernel has heard of it or not.
    begin(command, { done = () => {}, refused = said.fail } = {}) {
      if (shared.busy()) return false;
      const mine = { taken: false };
      beginning = mine;
      said.fail("");
      const sent = shared.ask(command, {
        done() {
          mine.taken = true;
          if (beginning === mine && page.state.bar.busy === true) beginning = null;
          done();
          update();
        },
        refused(why) {
          if (beginning === mine) beginning = null;
          refused(why);
          update();
        },
      });
      if (!sent) beginning = null;
      update();
      return sent;
    },
    askSource: (id, why) => shared.ask({ do: "source", id, view: shared.view, why }),
    copySource(id, near) {
      copying = near;
      shared.askSource(id, "copy");
    },
    async copy(text, near) {
      const done = await copyText(text, root);
      if (!done) return said.fail(UNCOPIED);
      said.murmur("Copied");
      flashCopied(near);
    },
    keepFocus(bar, change) {
      const does = bar.contains(document.activeElement) ? document.activeElement.dataset.does : null;
      change();
      if (does) (bar.querySelector(`[data-does=${does}]`) ?? bar.querySelector("button"))?.focus({ preventScroll: true });
    },
    composer: () => writer.field,
    editLast: () => messages.editLast(),
    toEnd: () => messages.toEnd(),
    whenSeen: (node) => seen.observe(node),
  };
  const bar = panelBar(shared);
  const messages = transcript(shared);
  const writer = composer(shared);
  const code = codeRegion(shared);
  const twin = hiddenTwin(root, model);
  const outputs = twinOutputs(model, () => shared.tell({ do: "twin" }));
  root.append(bar.node, code.node, messages.node, said.node, writer.node);
  el.append(root);

  function update() {
    root.classList.toggle("pk-gone", gone);
    bar.update();
    messages.update();
    writer.update();
  }
  function heard() {
    clearTimeout(patience);
    patience = null;
    said.calm(BUSY);
  }
  function lost() {
    if (gone) return;
    gone = true;
    beginning = null;
    heard();
    said.stay(GONE);
    commands.forget();
    messages.lost();
    disableFields(root);
    update();
  }
  function notice(joining) {
    const { n, text, kind } = page.state.bar.notice ?? {};
    if (n === undefined || n === noticed) return;
    noticed = n;
    if (kind !== "error") return said.inform(joining ? "" : (text ?? ""));
    said.fail(text ?? "");
  }
  const leave = page.join(shared.view, {
    all() {
      heard();
      beginning = null;
      root.classList.add("pk-joined");
      root.classList.remove("pk-away");
      twin.spare();
      outputs.told(page.state.bar.twin);
      messages.all();
      if (page.state.bar.draft) writer.draft(page.state.bar.draft, true);
      notice(true);
      update();
    },
    change(message) {
      heard();
      twin.spare();
      const told = message.bar ?? {};
      if (told.twin) outputs.told(told.twin);
      // From when it is taken until it shows, what was begun is still on its way.
      const shows = message.put || message.order || "busy" in told || "ready" in told;
      if (told.busy === false || (beginning?.taken && shows)) beginning = null;
      messages.change(message);
      if (told.draft) writer.draft(told.draft, false);
      if ("notice" in told) notice(false);
      bar.update();
      writer.update();
    },
    told(message) {
      heard();
      if (message.done !== undefined) commands.done(message.done);
      if (message.refused !== undefined) commands.refused(message.refused, message.why ?? "");
      if (message.source?.id !== undefined && message.why === "edit") messages.edit(message.source);
      if (message.source && message.why === "copy") shared.copy(message.source.text, copying);
      if (message.code) code.open(message.code, bar.code);
      if (message.twin) outputs.put(message.twin);
      if (message.copy !== undefined) shared.copy(message.copy, bar.copyAll);
    },
  });
  // Other front ends listen for keys further up.
  root.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key !== "Escape" || event.isComposing || event.keyCode === 229 || !shared.busy()) return;
    event.preventDefault();
    shared.ask({ do: "stop" });
  });
  takeFiles(root, (files) => gone || writer.take(files));
  const forgetKeys = ownKeys(root);
  const unwatch = watchKernel(model, el, lost);
  // Saved widget state makes a panel without a kernel: the static twin beside it stands for it, see twin.py.
  const away = () => {
    if (!root.classList.contains("pk-joined")) root.classList.toggle("pk-away", !hasKernel(model, el));
  };
  away();
  setTimeout(away);
  update();
  const longWait = setTimeout(() => {
    unheard = true;
    update();
  }, PATIENCE_MS);
  return () => {
    writer.stop();
    fields.stop();
    outputs.stop();
    leave();
    unwatch();
    forgetKeys();
    clearTimeout(patience);
    clearTimeout(longWait);
    seen.disconnect();
    said.stop();
    messages.stop();
    twin.stop();
    root.remove();
  };
}

export default () => {
  let page = null;
  return {
    initialize({ model }) {
      page = wire(model);
      model.on("msg:custom", page.take);
    },
    render: ({ model, el }) => panelView(model, el, page),
  };
};
