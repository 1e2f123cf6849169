"""Style and script of the evaluation's page, readable without scripts; with them, tables sort and videos play."""

STYLE = """
body{max-width:1240px}
table.sortable th{vertical-align:bottom;white-space:nowrap}
table.sortable th button{font:inherit;font-weight:600;color:inherit;background:none;border:0;padding:0;cursor:pointer;
text-align:inherit}
table.sortable th button::after{content:" \\2195";opacity:.35}
table.sortable th[aria-sort=ascending] button::after{content:" \\2191";opacity:1}
table.sortable th[aria-sort=descending] button::after{content:" \\2193";opacity:1}
table.sortable th button:focus-visible{outline:2px solid #0072B2;outline-offset:2px}
td.number,td.who{white-space:nowrap}
table.sortable th,table.sortable td{padding-right:9px}
th.number button{text-align:right}table.sortable th.number{white-space:normal;max-width:7.5em}
td small,summary small,figcaption small{opacity:.7;font-weight:400}
tr.baseline td{opacity:.75}
.dot{display:inline-block;min-width:1.5em;line-height:1.5em;border-radius:1em;text-align:center;color:#fff;
font-weight:600;font-size:.8rem;text-shadow:0 0 2px #000}
.plots{display:flex;flex-wrap:wrap;gap:18px 24px}.plots figure{flex:1 1 460px;margin:0;min-width:0}
figcaption{font-size:.85rem;font-weight:600;opacity:.85;margin-top:3px}
details{margin:.4em 0}summary{cursor:pointer;padding:.25em 0;font-weight:600}
.films{display:flex;flex-wrap:wrap;gap:12px;margin:.4em 0 1.2em}
.films figure{flex:0 1 208px;margin:0}.films video,.films figure img{width:100%;display:block;border-radius:6px}
.bar{flex:1 0 100%;display:flex;align-items:center;gap:10px;font-size:.9rem}
.bar button{min-width:5em;padding:3px 10px;font:inherit}.bar input{flex:1;max-width:520px}
.bar output{min-width:8em;opacity:.8;font-variant-numeric:tabular-nums}
table.protocols td,table.protocols th{font-size:.82rem;padding-right:12px;vertical-align:top}
table.protocols th[scope=rowgroup]{padding-top:1.2em;font-weight:600;max-width:80ch}
"""

SCRIPT = """
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  table.querySelectorAll("thead th").forEach((head, column) => {
    const button = head.querySelector("button");
    if (!button) return;
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      table.querySelectorAll("th").forEach(other => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const text = head.className === "text";
      const key = row => {
        const cell = row.cells[column];
        return text ? cell.textContent : cell.dataset.v === "" ? NaN : Number(cell.dataset.v ?? cell.textContent);
      };
      const rows = [...body.rows];
      rows.sort((a, b) => {
        const x = key(a), y = key(b);
        if (text) return (up ? 1 : -1) * x.localeCompare(y, undefined, {numeric: true});
        if (isNaN(x) || isNaN(y)) return isNaN(x) - isNaN(y);
        return up ? x - y : y - x;
      });
      body.append(...rows);
    });
  });
}
const fps = 8;
for (const box of document.querySelectorAll("details.scene")) {
  const videos = [...box.querySelectorAll("video")], button = box.querySelector(".bar button");
  const slider = box.querySelector("input"), output = box.querySelector("output"), last = Number(slider.max);
  let frame = 0, timer = null;
  const show = wanted => {
    frame = wanted;
    slider.value = frame;
    output.textContent = `frame ${frame} of ${last}`;
    for (const video of videos) video.currentTime = (frame + 0.5) / fps;
  };
  const step = () => { if (videos.every(v => v.readyState > 1 && !v.seeking)) show(frame < last ? frame + 1 : 0); };
  const play = on => {
    clearInterval(timer);
    timer = on ? setInterval(step, 1000 / fps) : null;
    button.textContent = on ? "Pause" : "Play";
  };
  const open = () => {
    for (const video of videos) if (!video.src) { video.preload = "auto"; video.src = video.dataset.src; }
    show(frame);
    play(!matchMedia("(prefers-reduced-motion: reduce)").matches);
  };
  button.addEventListener("click", () => play(timer === null));
  slider.addEventListener("input", () => { play(false); show(Number(slider.value)); });
  box.addEventListener("toggle", () => box.open ? open() : play(false));
  if (box.open) open();
}
"""
