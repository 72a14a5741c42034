// Messages of a conversation: what was said, by whom, and what can be done with it.
const ROLES = { user: "You", assistant: "Assistant", system: "System", tool: "Tool", developer: "Developer" };
const IMAGE_SRC = /^data:image\/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/=]+$/;

function roleName(role) {
  return ROLES[role] ?? role;
}

function picture(image, kind) {
  const src = image.src && (image.src.startsWith("blob:") || IMAGE_SRC.test(image.src)) ? image.src : null;
  if (!src) return make("span", `${kind} pk-image-label`, image.label || "image");
  const one = make("img", kind, "", { alt: image.label || "image", title: image.label || "image" });
  one.src = src;
  return one;
}

// A line in which another model is named: from the list, or any other.
function modelAsker(shared, id, near) {
  const form = make("form", "pk-with");
  const list = make("datalist", "", "", { id: fresh("models") });
  for (const name of shared.bar().known ?? []) list.append(make("option", "", "", { value: name }));
  const label = make("label", "pk-with-label", "Retry with ");
  const field = make("input", "pk-field", "", { list: list.id, "aria-label": "Model", placeholder: "model name", spellcheck: "false", autocomplete: "off" });
  label.append(field);
  const go = make("button", "pk-button", "Ask this model", { type: "submit" });
  const close = (focus) => {
    form.remove();
    if (focus) near.focus();
  };
  form.append(label, list, go, textButton("Cancel", () => close(true)));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const model = field.value.trim();
    if (!model) return field.focus();
    if (shared.busy()) return shared.inform(UNDER_WAY);
    shared.begin({ do: "retry", id, model });
    close(true);
  });
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.isComposing) return;
    event.stopPropagation();
    close(true);
  });
  return { form, field };
}

function branchControl(entry, shared) {
  const box = make("span", "pk-branch", "", { role: "group" });
  const step = (by) => () => shared.ask({ do: "step", id: entry().id, by });
  const previous = iconButton("previous", "Previous branch", step(-1));
  const next = iconButton("next", "Next branch", step(1));
  const where = make("span", "pk-branch-where");
  box.append(previous, where, next);
  return {
    box,
    update([which, of]) {
      say(where, `${which} / ${of}`);
      box.setAttribute("aria-label", `Branch ${which} of ${of}`);
      const off = shared.gone() || shared.busy();
      setOff(previous, off || which <= 1);
      setOff(next, off || which >= of);
    },
  };
}

// entryView(shared) -> { node, update(entry), near(is), settle(), tick(now), edit(source), add(), editor(), stop() }
//   Tools are made where they are near to be seen: a conversation may be long.
function entryView(shared) {
  const node = make("div", "pk-entry", "", { role: "group" });
  const head = make("div", "pk-head");
  const who = make("span", "pk-who");
  const mark = ratingMark();
  const note = make("span", "pk-note");
  head.append(who, mark, note);
  const body = make("div", "pk-body");
  const text = make("div", "pk-text jp-RenderedHTMLCommon");
  const images = make("div", "pk-images");
  const grid = make("div", "pk-answers");
  body.append(text, images, grid);
  const tools = make("div", "pk-tools", "", { role: "toolbar" });
  const settleStops = rove(tools);
  node.append(head, body, tools);
  const decorate = decorator(text, shared);
  const answers = new Map();
  let entry = null;
  let html = null;
  let pictured = "[]";
  let toolKey = "";
  let isNear = false;
  let branch = null;
  let editor = null;

  const single = () => (entry.columns.length === 1 ? entry.columns[0] : null);
  function askModel(id, near) {
    node.querySelector(".pk-with")?.remove();
    const { form, field } = modelAsker(shared, id, near);
    (near.closest(".pk-answer") ?? node).append(form);
    field.focus();
  }
  function open(given) {
    // What is being typed is not taken away by a second press of the same button, nor of its neighbour.
    if (editor?.changed()) return editor.focus();
    close(false);
    editor = messageEditor(shared, given, close);
    node.classList.toggle("pk-editing", Boolean(given.id));
    node.append(editor.node);
    editor.focus();
  }
  function close(focus) {
    if (!editor) return;
    const does = editor.given.id ? "edit" : "add";
    editor.node.remove();
    editor = null;
    node.classList.remove("pk-editing");
    const tool = node.isConnected && tools.querySelector(`[data-does=${does}]`);
    if (focus) (tool || shared.composer()).focus();
  }
  function entryTools() {
    const can = entry.can ?? [];
    const one = single();
    const inConversation = can.some((name) => ["edit", "remove", "move_up", "move_down"].includes(name));
    const of = one ? answerTools(single, shared, askModel) : [];
    const has = (name) => of.some((tool) => tool.dataset.does === name);
    const own = [];
    const put = (name, words, act) => can.includes(name) && !has(name) && own.push(iconButton(name, words, act));
    put("edit", "Edit", () => shared.askSource(entry.id, "edit"));
    put("copy", "Copy", (tool) => shared.copySource(entry.id, tool));
    put("retry", "Retry", () => shared.begin({ do: "retry", id: entry.id }));
    put("retry_with", "Retry with another model", (tool) => askModel(entry.id, tool));
    const far = [];
    const further = (name, words, act) => can.includes(name) && far.push(iconButton(name, words, act));
    further("move_up", "Move up", () => shared.ask({ do: "move", id: entry.id, by: -1 }));
    further("move_down", "Move down", () => shared.ask({ do: "move", id: entry.id, by: 1 }));
    if (inConversation) far.push(iconButton("add", "Add a message below", () => open({ after: entry.id, role: following() })));
    further("remove", "Remove", () => shared.ask({ do: "remove", id: entry.id }));
    further("dismiss", "Dismiss", () => shared.ask({ do: "dismiss", id: entry.id }));
    return [...own, ...of.filter((tool) => !isThumb(tool)), ...far, ...of.filter(isThumb)];
  }
  const isThumb = (tool) => ["good", "bad"].includes(tool.dataset.does);
  const following = () => (entry.role === "user" ? "assistant" : "user");
  function updateTools() {
    const one = single();
    const key = JSON.stringify([entry.can, one && [one.can, one.chosen], entry.role]);
    if (isNear && key !== toolKey) {
      toolKey = key;
      shared.keepFocus(tools, () => tools.replaceChildren(...entryTools()));
      settleStops();
    }
    markRating(tools, mark, one?.rating);
    if (isNear) settle();
  }
  // Whether what can be done may be done now.
  function settle() {
    const [gone, busy] = [shared.gone(), shared.busy()];
    for (const tool of node.querySelectorAll(".pk-tools > button")) setOff(tool, gone || (busy && waits(tool)));
    if (entry.branch) branch.update(entry.branch);
  }
  function updateBranch() {
    if (entry.branch && !branch) {
      branch = branchControl(() => entry, shared);
      note.before(branch.box);
    }
    if (branch) show(branch.box, Boolean(entry.branch));
    if (entry.branch) branch.update(entry.branch);
  }
  function updateAnswers() {
    const columns = entry.columns;
    for (const [id, view] of answers) {
      if (columns.some((one) => one.id === id)) continue;
      view.stop();
      view.node.remove();
      answers.delete(id);
    }
    columns.forEach((column, i) => {
      if (!answers.has(column.id)) answers.set(column.id, answerView(shared, askModel));
      const view = answers.get(column.id);
      if (grid.children[i] !== view.node) grid.insertBefore(view.node, grid.children[i] ?? null);
      view.update(column, columns.length > 1);
    });
    grid.classList.toggle("pk-several", columns.length > 1);
    show(grid, columns.length > 0);
  }
  return {
    node,
    update(given) {
      entry = given;
      const columns = entry.columns;
      if (node.dataset.id !== entry.id) node.dataset.id = entry.id;
      node.dataset.role = entry.role;
      const name = columns.length > 1 ? `${columns.length} answers` : columns[0]?.label || roleName(entry.role);
      say(who, name);
      node.setAttribute("aria-label", columns.length ? name : `${roleName(entry.role)}, message`);
      tools.setAttribute("aria-label", `Actions on the message of ${name}`);
      say(note, entry.note ?? "");
      show(note, Boolean(entry.note));
      updateBranch();
      const shown = columns.length ? "" : entry.html;
      if (shown !== html) {
        html = shown;
        text.innerHTML = html;
        decorate.now();
      }
      show(text, shown !== "");
      const now = JSON.stringify(entry.images);
      if (now !== pictured) {
        pictured = now;
        images.replaceChildren(...entry.images.map((image) => picture(image, "pk-image")));
      }
      show(images, entry.images.length > 0);
      updateAnswers();
      updateTools();
      node.classList.toggle("pk-has-live", columns.some((one) => one.state === "live"));
    },
    near(is) {
      isNear = is;
      if (is) updateTools();
    },
    settle,
    grow(columnId) {
      const column = entry.columns.find((one) => one.id === columnId);
      if (column) answers.get(columnId)?.update(column, entry.columns.length > 1);
    },
    tick: (now) => answers.forEach((one) => one.tick(now)),
    lost: () => answers.forEach((one) => one.lost()),
    edit: (source) => open({ id: entry.id, role: source.role, text: source.text }),
    add: () => open({ after: entry.id, role: following() }),
    editor: () => editor,
    stop() {
      decorate.stop();
      answers.forEach((one) => one.stop());
    },
  };
}
