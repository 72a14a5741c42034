// Images of a message: chosen, pasted or dropped, and shown as thumbnails until they are sent.
const IMAGE_TYPES = ["image/png", "image/jpeg", "image/gif", "image/webp"];
const IMAGE_BYTES = 5 * 1024 ** 2;
const IMAGE_KINDS = "PNG, JPEG, GIF or WebP of up to 5 MB each";

function refusal(file) {
  const told = `${file.name || "the file"} (${file.type || "unknown type"}, ${megabytes(file.size)})`;
  if (!IMAGE_TYPES.includes(file.type)) return `${told} cannot be attached: images are ${IMAGE_KINDS}.`;
  if (file.size > IMAGE_BYTES) return `${told} is too large: images are ${IMAGE_KINDS}.`;
  if (!file.size) return `${told} is empty: images are ${IMAGE_KINDS}.`;
  return "";
}

// imageTray(shared) -> { node, button, picker, take(files), update(images), count(), taken(), stop() }
function imageTray(shared) {
  const node = make("div", "pk-tray", "", { role: "list", "aria-label": "Attached images" });
  const picker = make("input", "", "", { type: "file", accept: IMAGE_TYPES.join(","), multiple: "", hidden: "" });
  const button = iconButton("attach", "Attach an image", () => picker.click(), "pk-button pk-attach");
  const waiting = [];
  const own = new Map();
  let known = [];
  let drawn = "";
  picker.addEventListener("change", () => {
    take([...picker.files]);
    picker.value = "";
  });

  async function take(files) {
    for (const file of files) {
      const why = refusal(file);
      if (why) {
        shared.fail(why);
        continue;
      }
      const one = { label: file.name || "pasted image", url: URL.createObjectURL(file), here: false };
      waiting.push(one);
      draw();
      try {
        const bytes = await file.arrayBuffer();
        const ends = {
          done: () => {
            one.here = true;
          },
          refused(why) {
            drop(one);
            shared.fail(why);
          },
        };
        if (!shared.ask({ do: "attach", name: one.label }, ends, [bytes])) drop(one);
      } catch {
        drop(one);
        shared.fail(`${one.label} could not be read.`);
      }
    }
  }
  function drop(one) {
    const at = waiting.indexOf(one);
    if (at >= 0) waiting.splice(at, 1);
    URL.revokeObjectURL(one.url);
    draw();
  }
  function thumbnail(image, id) {
    const box = make("div", "pk-thumb", "", { role: "listitem" });
    box.classList.toggle("pk-waiting", id === null);
    box.append(picture(image, "pk-thumb-image"));
    if (id !== null) {
      const words = `Remove ${image.label || "the image"}`;
      box.append(iconButton("dismiss", words, () => shared.ask({ do: "detach", id }), "pk-tool pk-thumb-remove"));
    }
    return box;
  }
  function draw() {
    const shown = known.map((one) => [{ label: one.label, src: own.get(one.id) ?? one.src }, one.id]);
    const all = [...shown, ...waiting.map((one) => [{ label: one.label, src: one.url }, null])];
    const key = JSON.stringify(all);
    if (key === drawn) return;
    drawn = key;
    const focused = node.contains(document.activeElement);
    node.replaceChildren(...all.map(([image, id]) => thumbnail(image, id)));
    show(node, all.length > 0);
    if (focused) (node.querySelector("button") ?? shared.composer()).focus();
  }
  show(node, false);
  return {
    node,
    button,
    picker,
    take,
    count: () => known.length + waiting.length,
    update(images) {
      for (const one of images) {
        // The kernel lists images in the order in which they were sent; what is shown of them is the person's own file.
        if (known.some((old) => old.id === one.id)) continue;
        const mine = waiting.findIndex((each) => one.label.startsWith(each.label.slice(0, 80)));
        if (mine >= 0) own.set(one.id, waiting.splice(mine, 1)[0].url);
      }
      for (const [id, url] of own) {
        if (images.some((one) => one.id === id)) continue;
        URL.revokeObjectURL(url);
        own.delete(id);
      }
      known = images;
      draw();
    },
    // The message is on its way with the images that the kernel has, listed by now or not.
    taken: () => waiting.filter((one) => one.here).forEach(drop),
    stop() {
      waiting.forEach((one) => URL.revokeObjectURL(one.url));
      own.forEach((url) => URL.revokeObjectURL(url));
    },
  };
}
