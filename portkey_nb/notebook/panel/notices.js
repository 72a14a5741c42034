// What the panel says of itself: politely what is of use to know, at once what went wrong.
const INFO_MS = 8000;

// notices() -> { node, inform(text), murmur(text), fail(text), stay(text), calm(text), stop() }
function notices() {
  const node = make("div", "pk-notices");
  const notice = make("div", "pk-notice", "", { role: "status" });
  const line = make("div", "pk-error-line");
  const error = make("div", "pk-error", "", { role: "alert" });
  const close = iconButton("dismiss", "Close this message", () => fail(""), "pk-tool pk-error-close");
  line.append(error, close);
  node.append(notice, line);
  let timer = null;
  let stays = false;
  show(close, false);

  function inform(text, unseen = false) {
    clearTimeout(timer);
    notice.classList.toggle("pk-offscreen", unseen);
    sayWords(notice, text);
    if (text) timer = setTimeout(() => sayWords(notice, ""), INFO_MS);
  }
  function fail(text) {
    if (stays) return;
    sayWords(error, text);
    show(close, text !== "");
  }
  return {
    node,
    inform,
    // What can be seen elsewhere is only read out.
    murmur: (text) => inform(text, true),
    fail,
    // What stays is the end of this view: nothing else is said after it.
    stay(text) {
      fail(text);
      stays = true;
      inform("");
      show(close, false);
    },
    calm(text) {
      if (notice.dataset.words === text) inform("");
    },
    stop: () => clearTimeout(timer),
  };
}
