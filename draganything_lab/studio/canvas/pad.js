// What hears mouse, pen, finger and keys over the canvas. The line under the pointer is drawn here, at once, and goes
// to the kernel in bundles; a press that leaves the canvas is followed wherever it goes.
const BUNDLE = 33; // ms between messages
const LIGHT = "rgba(255,255,255,0.9)";

function render({ model, el }) {
  const canvas = document.createElement("canvas");
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "application");
  canvas.setAttribute("aria-label", model.get("label"));
  el.classList.add("dal-pad");
  el.append(canvas);
  const paper = canvas.getContext("2d");
  let line = [], bundle = [], down = null, hover = null, timer = null, asked = false, fine = 1, seen = 0;

  const draw = () => {
    asked = false;
    const { kind, colour, radius } = model.get("ink");
    const unit = canvas.width; // radius is a share of the width
    paper.clearRect(0, 0, canvas.width, canvas.height);
    paper.lineCap = paper.lineJoin = "round";
    if (line.length && kind !== "none") {
      const trace = () => {
        paper.beginPath();
        line.forEach(([u, v], i) => paper[i ? "lineTo" : "moveTo"](u * canvas.width, v * canvas.height));
        if (line.length === 1) paper.lineTo(line[0][0] * canvas.width + 0.1, line[0][1] * canvas.height);
        paper.stroke();
      };
      const strokes = kind === "brush" ? [[`rgba(${colour},0.55)`, 2 * radius * unit]]
        : line.length > 1 ? [[LIGHT, 5 * fine], [`rgb(${colour})`, 3 * fine]] : [];
      for (const [ink, width] of strokes) {
        paper.strokeStyle = ink;
        paper.lineWidth = width;
        trace();
      }
    }
    if (kind === "brush" && hover) {
      for (const [ink, width] of [["rgba(20,22,26,0.9)", 3], [LIGHT, 1.5]]) {
        paper.strokeStyle = ink;
        paper.lineWidth = width * fine;
        paper.beginPath();
        paper.arc(hover[0] * canvas.width, hover[1] * canvas.height, radius * unit, 0, 2 * Math.PI);
        paper.stroke();
      }
    }
    seen += 1;
    el.dataset.drawn = String(line.length);
  };
  const ask = () => { if (!asked) { asked = true; requestAnimationFrame(draw); } };
  const fit = () => {
    const box = canvas.getBoundingClientRect();
    fine = window.devicePixelRatio || 1;
    canvas.width = Math.max(1, Math.round(box.width * fine));
    canvas.height = Math.max(1, Math.round(box.height * fine));
    ask();
  };
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height, event.timeStamp / 1000];
  };
  const flush = () => {
    clearTimeout(timer);
    timer = null;
    if (bundle.length) model.send({ kind: down === null ? "hover" : "move", points: bundle });
    bundle = [];
  };
  const later = () => { if (timer === null) timer = setTimeout(flush, BUNDLE); };

  const on = (name, work) => canvas.addEventListener(name, work, { passive: false });
  on("pointerdown", (event) => {
    if (down !== null || event.button > 0) return;
    event.preventDefault();
    flush();
    down = event.pointerId;
    try { canvas.setPointerCapture(down); } catch { /* a made-up event has no pointer to hold */ }
    canvas.focus({ preventScroll: true });
    line = [place(event)];
    hover = line[0];
    model.send({ kind: "down", points: line });
    ask();
  });
  on("pointermove", (event) => {
    if (down === null) {
      hover = place(event);
      if (model.get("hovers")) { bundle = [hover]; later(); }
      ask();
    } else if (event.pointerId === down) {
      const events = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
      const points = (events.length ? events : [event]).map(place);
      hover = points[points.length - 1];
      line.push(...points);
      bundle.push(...points);
      later();
      ask();
    }
  });
  const up = (event) => {
    if (event.pointerId !== down) return;
    event.preventDefault();
    if (event.type === "pointerup") { line.push(place(event)); bundle.push(place(event)); }
    flush();
    down = null;
    model.send({ kind: "up" });
    if (event.pointerType === "touch") hover = null;
    ask();
  };
  for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) on(name, up);
  on("pointerleave", () => { if (down === null) { hover = null; flush(); model.send({ kind: "leave" }); ask(); } });
  on("contextmenu", (event) => event.preventDefault());
  on("wheel", (event) => {
    if (model.get("ink").kind !== "brush") return; // the page scrolls
    event.preventDefault();
    model.send({ kind: "wheel", by: event.deltaY });
  });
  on("keydown", (event) => {
    const command = event.ctrlKey || event.metaKey;
    const wanted = (command ? ["z", "y"] : model.get("heard")).includes(event.key.length === 1 ? event.key.toLowerCase() : event.key);
    if (!wanted || event.altKey) return; // Tab, Ctrl+S and all others stay the page's
    event.preventDefault();
    event.stopPropagation();
    if (event.key === "Escape" && down !== null) { line = []; bundle = []; down = null; ask(); }
    model.send({ kind: "key", key: event.key, shift: event.shiftKey, command });
  });
  // JupyterLab has shortcuts for single keys; they must not see what is meant for the picture.
  canvas.dataset.lmSuppressShortcuts = "true";

  const told = (message) => {
    if (message.kind === "clear" && down === null) { line = []; ask(); }
    // A hidden page makes no pictures, so it answers when it is seen again.
    if (message.kind === "seen?") requestAnimationFrame(() => model.send({ kind: "seen" }));
    if (message.kind === "ready?") model.send({ kind: "ready", fine });
  };
  model.on("msg:custom", told);
  model.on("change:ink", ask);
  // A page that has lost its server looks alive and does nothing; a moment without it is no loss yet.
  const kernel = model.widget_manager?.kernel;
  let losing = null;
  const linked = (_, state) => {
    clearTimeout(losing);
    if (state === "connected") { document.querySelectorAll(".dal-lost").forEach((one) => one.remove()); return; }
    losing = setTimeout(() => {
      if (document.querySelector(".dal-lost")) return;
      const banner = document.createElement("div");
      banner.className = "dal-lost";
      banner.setAttribute("role", "alert");
      banner.textContent = "Connection lost. Load the page again.";
      document.body.append(banner);
    }, 4000);
  };
  kernel?.connectionStatusChanged?.connect(linked);
  const watcher = new ResizeObserver(fit);
  watcher.observe(canvas);
  fit();
  model.send({ kind: "ready", fine });
  return () => {
    kernel?.connectionStatusChanged?.disconnect(linked);
    clearTimeout(losing);
    watcher.disconnect(); clearTimeout(timer); model.off("msg:custom", told); model.off("change:ink", ask);
  };
}

export default { render };
