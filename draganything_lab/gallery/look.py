"""Style and script of the page: readable without scripts; with them, all videos stay on one frame."""

STYLE = """
body{max-width:1560px}
a[href]{color:#0072B2}@media(prefers-color-scheme:dark){a[href]{color:#56B4E9}}
.skip{position:absolute;left:-999em}.skip:focus{position:static}
h2{font-size:1.45rem;margin-top:2.4em;scroll-margin-top:64px}h3{font-size:1.1rem;margin:1.6em 0 .2em}
h4,h5{font-size:1rem;margin:1em 0 .3em}
h3+p{margin-top:0}
nav ul{display:flex;flex-wrap:wrap;gap:6px 20px;padding:0;margin:.8em 0;list-style:none}
.brief{border-left:4px solid #0072B2;padding:.1em 0 .1em 14px}.brief p{margin:.45em 0}
.intro{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,420px),1fr));gap:0 32px}
.drag{border-top:1px solid var(--line);padding:.1em 0 1em}
.cells{display:grid;grid-template-columns:repeat(6,minmax(0,1fr));gap:12px;align-items:start}
figure{margin:0;min-width:0}
figure img:not(.plot),figure video{display:block;width:100%;height:auto;border-radius:6px;background:#8882}
figcaption{font-size:.82rem;line-height:1.35;margin-top:4px;opacity:.85}
.made video{outline:3px solid #0072B2;outline-offset:-1px}
@media(prefers-color-scheme:dark){.made video{outline-color:#56B4E9}}
.measured{font-size:.85rem;line-height:1.4;min-width:0}
.measured p{font-weight:600;margin:0 0 .3em;padding-left:9px;border-left:4px solid #8888}
.measured .good{border-color:#009E73}.measured .poor{border-color:#D55E00}
.measured ul{list-style:none;margin:0;padding:0}.measured li{margin:.15em 0}
.chip{display:inline-block;min-width:1.45em;text-align:center;border-radius:1em;font-size:.78rem}
.many{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:4px 28px}
.many .cells{grid-template-columns:repeat(3,minmax(0,1fr))}.wide .measured,.three .measured{grid-column:1/-1}
.strip{display:grid;grid-template-columns:repeat(8,minmax(0,1fr));gap:10px}
.flow{display:grid;grid-template-columns:repeat(auto-fill,minmax(210px,1fr));gap:20px 14px;list-style:none;padding:0;
counter-reset:step}
.flow li{min-width:0}.flow h4{margin:0 0 .3em}.flow p{font-size:.85rem;line-height:1.4;margin:.35em 0 0}
.flow code{overflow-wrap:anywhere}.flow figure img.stripe{border-radius:2px;margin:2px 0 8px;height:24px}
.two{display:flex;flex-wrap:wrap;gap:14px 28px}.two>*{flex:1 1 400px;min-width:0}.two .plot{max-height:340px;width:auto}
.three{grid-template-columns:repeat(3,minmax(0,1fr))!important}
.bar{position:sticky;top:0;z-index:5;display:flex;flex-wrap:wrap;align-items:center;gap:8px 10px;padding:8px 0;
background:Canvas;border-bottom:1px solid var(--line)}
.bar[hidden]{display:none}
.bar button{font:inherit;min-width:2.6em;min-height:36px;padding:2px 12px}.bar button.play{min-width:6em}
.bar input{flex:1 1 120px;max-width:420px;min-width:80px;accent-color:#0072B2}
.bar output{font-variant-numeric:tabular-nums;min-width:7.5em}
:focus-visible{outline:3px solid #E69F00;outline-offset:2px}
summary{cursor:pointer;padding:.4em 0}
@media(max-width:1199px){.cells{grid-template-columns:repeat(3,minmax(0,1fr))}.strip{grid-template-columns:repeat(4,1fr)}
.many{grid-template-columns:minmax(0,1fr)}}
@media(max-width:599px){.cells,.many .cells{grid-template-columns:repeat(2,minmax(0,1fr))}
.strip{grid-template-columns:repeat(2,1fr)}.measured{grid-column:1/-1}
.three{grid-template-columns:repeat(2,minmax(0,1fr))!important}body{padding:16px 14px 60px}}
@media print{.bar{display:none}.drag{break-inside:avoid}}
"""

BAR = """<div class="bar" role="group" aria-label="All videos" hidden>
<button type="button" class="play" aria-keyshortcuts="k">Play all</button>
<button type="button" class="back" aria-label="One frame back" aria-keyshortcuts="j">&#x2039;</button>
<button type="button" class="on" aria-label="One frame on" aria-keyshortcuts="l">&#x203a;</button>
<input type="range" min="0" value="0" aria-label="Frame of all videos"><output aria-hidden="true"></output></div>"""

SCRIPT = """
(() => {
  const videos = [...document.querySelectorAll("video")], bar = document.querySelector(".bar");
  const [play, back, on] = ["play", "back", "on"].map(name => bar.querySelector("." + name));
  const slider = bar.querySelector("input"), output = bar.querySelector("output"), fps = %(fps)s;
  const last = Math.max(...videos.map(v => Number(v.dataset.last)));
  const near = new Set();
  let frame = 0, timer = null;
  slider.max = last;
  const place = v => { // a short video waits on its last frame
    const time = (Math.min(frame, Number(v.dataset.last)) + 0.5) / fps;
    if (Math.abs(v.currentTime - time) > 0.001) v.currentTime = time;
  };
  const show = wanted => {
    frame = Math.max(0, Math.min(last, wanted));
    slider.value = frame;
    output.textContent = `frame ${frame} of ${last}`;
    slider.setAttribute("aria-valuetext", output.textContent);
    near.forEach(place);
  };
  const step = () => { // the slowest of those in sight sets the pace, so that all stay together
    if ([...near].every(v => v.error || (v.readyState > 1 && !v.seeking))) show(frame < last ? frame + 1 : 0);
  };
  const run = wanted => {
    clearInterval(timer);
    timer = wanted ? setInterval(step, 1000 / fps) : null;
    play.textContent = wanted ? "Pause all" : "Play all";
  };
  const sight = new IntersectionObserver(entries => entries.forEach(({target, isIntersecting}) => {
    if (!isIntersecting) return near.delete(target);
    near.add(target);
    if (target.readyState < 1) target.addEventListener("loadedmetadata", () => place(target), {once: true});
    target.preload = "auto";
    place(target);
  }), {rootMargin: "100px"});
  for (const v of videos) {
    v.removeAttribute("controls");
    v.loop = false;
    v.pause();
    v.addEventListener("click", () => run(timer === null));
    sight.observe(v);
  }
  play.addEventListener("click", () => run(timer === null));
  back.addEventListener("click", () => { run(false); show(frame - 1); });
  on.addEventListener("click", () => { run(false); show(frame + 1); });
  slider.addEventListener("input", () => { run(false); show(Number(slider.value)); });
  document.addEventListener("keydown", event => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const key = {k: play, j: back, l: on}[event.key];
    if (key) key.click();
  });
  bar.hidden = false;
  show(0);
  run(!matchMedia("(prefers-reduced-motion: reduce)").matches);
})();
"""
