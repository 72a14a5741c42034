// Where a message is written: the text, its images, Send and Stop.
const TEXT_BYTES = 8 * 1024 ** 2;
const DRAFT_MS = 250;
const LONG_DRAFT_MS = 1500;
const LONG_DRAFT = 100_000;
const LONG_TEXT = 20_000;
const LINES = 10;

function textBytes(text) {
  return text.length * 3 <= TEXT_BYTES ? text.length : new Blob([text]).size;
}

function tooLong(text) {
  return text.length * 3 > TEXT_BYTES && textBytes(text) > TEXT_BYTES;
}

function longText(text) {
  return `The text has ${megabytes(textBytes(text))}, and a message takes up to 8 MB; shorten it.`;
}

// growingField(field, lines): a text field as high as its text, up to so many lines; a long text is not measured at each key.
function growingField(field, lines) {
  const sizes = CSS.supports("field-sizing", "content");
  field.style.setProperty("--pk-lines", lines);
  return () => {
    const long = field.value.length > LONG_TEXT;
    if (field.classList.contains("pk-long") !== long) {
      field.classList.toggle("pk-long", long);
      field.spellcheck = !long;
    }
    if (sizes || long) return;
    field.style.height = "auto";
    field.style.height = `${field.scrollHeight + 2}px`;
  };
}

function asks(models) {
  if (!models?.length) return "Write a message";
  return `Message ${models[0]}${models.length > 1 ? ` and ${models.length - 1} more` : ""}`;
}

// composer(shared) -> { node, field, update(), draft(given, joining), stop() }
function composer(shared) {
  const node = make("div", "pk-composer");
  const tray = imageTray(shared);
  const field = make("textarea", "pk-field pk-text-field", "", { "aria-label": "Message", rows: "1" });
  const why = make("div", "pk-why", "", { id: fresh("why") });
  field.setAttribute("aria-describedby", why.id);
  const send = textButton("Send", () => go(), "pk-button pk-primary pk-send");
  send.setAttribute("aria-describedby", why.id);
  const stop = textButton("Stop", () => halt(), "pk-button pk-primary pk-stop");
  const bar = make("div", "pk-composer-bar");
  const hint = make("span", "pk-hint", "Enter sends, Shift+Enter begins a new line, Esc stops");
  bar.append(tray.button, tray.picker, why, hint, send, stop);
  node.append(tray.node, field, bar);
  const growField = growingField(field, LINES);
  let timer = null;
  let dirty = false;
  // What the kernel had last, what it has been told since, and what is being sent.
  let base = "";
  let told = [];
  let sent = null;

  const rest = () => (sent !== null && field.value.startsWith(sent) ? field.value.slice(sent.length) : field.value);
  function flush() {
    clearTimeout(timer);
    timer = null;
    if (!dirty || sent !== null || shared.gone() || tooLong(field.value)) return;
    dirty = false;
    told.push(field.value);
    shared.tell({ do: "draft", text: field.value });
  }
  function typed() {
    dirty = true;
    clearTimeout(timer);
    timer = setTimeout(flush, field.value.length > LONG_DRAFT ? LONG_DRAFT_MS : DRAFT_MS);
    growField();
    update();
  }
  function set(text) {
    field.value = text;
    growField();
    update();
  }
  // What was sent goes when the kernel has it; what has been typed since stays.
  function taken() {
    const left = rest();
    sent = null;
    told = [];
    base = "";
    tray.taken();
    set(left);
    if (left) typed();
  }
  function refused(why) {
    sent = null;
    if (why) shared.fail(why);
    if (dirty) typed();
  }
  // before(text): what the kernel has put before what it knows of this view's text; empty where that is nothing.
  function before(text) {
    for (const known of [...told, base].reverse()) {
      if (known && text === known) return "";
      if (known && text.endsWith(`\n\n${known}`)) return text.slice(0, -known.length - 2);
    }
    return text;
  }
  // What comes back goes before what is being typed, and the caret stays where it is.
  function prepend(text) {
    const [start, end] = [field.selectionStart, field.selectionEnd];
    const focused = document.activeElement === field;
    const head = `${text}\n\n`;
    set(head + field.value);
    field.setSelectionRange(start + head.length, end + head.length);
    if (focused) field.focus();
    typed();
  }
  const empty = () => !/\S/.test(field.value) && !tray.count();
  const canSend = () => !shared.gone() && !shared.busy() && shared.bar().ready === true && (!empty() || shared.bar().open === true);

  function update() {
    const { bar: now, gone, busy } = { bar: shared.bar(), gone: shared.gone(), busy: shared.busy() };
    // The focus stays in the panel where Send and Stop take each other's place.
    const leaving = busy ? send : stop;
    const focused = document.activeElement === leaving;
    show(send, !busy);
    show(stop, busy);
    if (focused) field.focus();
    setOff(send, !canSend());
    setOff(stop, gone);
    setOff(tray.button, gone);
    field.readOnly = gone;
    field.setAttribute("aria-disabled", String(gone));
    const reason = shared.waiting() || (gone || busy || now.ready !== false ? "" : (now.why ?? ""));
    sayWords(why, reason);
    why.classList.toggle("pk-wrong", !shared.waiting());
    show(hint, !reason);
    const words = asks(now.models);
    if (field.placeholder !== words) field.placeholder = words;
  }
  function go() {
    if (!canSend()) return;
    if (tooLong(field.value)) return shared.fail(longText(field.value));
    flush();
    sent = field.value;
    if (!shared.begin({ do: "send", text: sent }, { done: taken, refused })) sent = null;
    shared.toEnd();
    field.focus();
  }
  function halt() {
    shared.ask({ do: "stop" });
    field.focus();
  }
  field.addEventListener("input", typed);
  field.addEventListener("blur", flush);
  field.addEventListener("keydown", (event) => {
    if (event.isComposing || event.keyCode === 229) return;
    if (event.key === "Enter" && !event.shiftKey && !event.altKey) {
      event.preventDefault();
      if (shared.busy()) shared.inform(UNDER_WAY);
      else go();
    } else if (event.key === "ArrowUp" && !field.value && !event.shiftKey && shared.editLast()) event.preventDefault();
  });
  field.addEventListener("paste", (event) => {
    event.stopPropagation();
    if (shared.gone()) return;
    const text = event.clipboardData?.getData("text/plain") ?? "";
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length && !text) {
      event.preventDefault();
      tray.take(files);
    } else if (tooLong(text)) {
      event.preventDefault();
      shared.fail(longText(text));
    }
  });
  return {
    node,
    field,
    update,
    take: tray.take,
    // What other views typed is taken over where nothing has been typed here since; nothing that is typed here is lost.
    draft(given, joining) {
      tray.update(given.images ?? []);
      const text = given.text ?? "";
      const known = told.indexOf(text);
      if (sent === null && given.by === shared.view) {
        if (known >= 0) [base, told] = [text, told.slice(known + 1)];
      } else if (sent === null && !dirty && !told.length && !(joining && field.value)) {
        base = text;
        if (field.value !== text) set(text);
      } else if (sent === null && !given.by && text !== field.value) {
        const back = before(text);
        if (back) [base, told] = [text, []];
        if (back) prepend(back);
      }
      update();
    },
    stop() {
      clearTimeout(timer);
      if (dirty && !shared.gone() && !tooLong(field.value)) shared.tell({ do: "draft", text: rest() });
      tray.stop();
    },
  };
}
