// The button that opens a file: it sends the file in parts, each asked for by the kernel, so that no message is larger
// than what servers let through, and a file that is refused is not sent at all.
const PART = 1 << 20; // bytes

function render({ model, el }) {
  const button = document.createElement("button");
  const input = document.createElement("input");
  const icon = document.createElement("i");
  button.type = "button";
  button.className = "jupyter-widgets jupyter-button lm-Widget widget-upload";
  button.style.width = "auto"; // its words vary
  button.title = model.get("tip");
  icon.className = "fa fa-upload";
  input.type = "file";
  input.accept = model.get("accept");
  input.style.display = "none";
  button.append(icon, document.createTextNode(` ${model.get("description")}`));
  button.setAttribute("aria-label", model.get("description"));
  el.classList.add("dal-door");
  el.append(button, input);
  let sending = null, count = 0;

  button.addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    const file = input.files[0];
    if (!file) return;
    sending = { id: `${Date.now()}-${count++}`, file };
    input.value = ""; // the same file may be chosen again
    model.send({ kind: "begin", id: sending.id, name: file.name, size: file.size });
  });

  const told = async (message) => {
    if (!sending || message.id !== sending.id) return;
    if (message.kind !== "next") { sending = null; return; }
    const { id, file } = sending;
    try {
      const part = await file.slice(message.start, message.start + PART).arrayBuffer();
      model.send({ kind: "part", id, start: message.start }, undefined, [part]);
    } catch (error) { // the file was moved or changed after it was chosen
      sending = null;
      model.send({ kind: "fail", id, why: String(error) });
    }
  };
  model.on("msg:custom", told);
  model.send({ kind: "ready" });
  return () => model.off("msg:custom", told);
}

export default { render };
