"""Style, body and script of the study's page."""

STYLE = """
:root{color-scheme:light dark;--line:#8885;--mark:#0072B2}
body{font:16px/1.45 system-ui,-apple-system,"Segoe UI",sans-serif;max-width:1080px;margin:0 auto;padding:18px 20px 40px}
h1{font-size:1.35rem;margin:.1em 0 .5em}
p{max-width:66ch}
[hidden]{display:none!important}
#top{display:flex;gap:14px;align-items:center;font-size:.9rem;margin-bottom:.6em}
#top progress{flex:1;height:10px;accent-color:var(--mark)}
#question{font-size:1.3rem;font-weight:600;margin:.2em 0 .6em}
#stage{display:grid;grid-template-columns:minmax(150px,.62fr) 1fr 1fr;gap:14px;align-items:end}
#stage figure{margin:0}#stage img,#stage video{width:100%;display:block;border-radius:8px}
figcaption{font-size:.95rem;opacity:.8;text-align:center;margin-top:4px;font-variant-numeric:tabular-nums}
#film{display:flex;align-items:center;gap:10px;margin:12px 0;font-size:.9rem}
#film input{flex:1}
#answers{display:grid;grid-template-columns:1fr 1fr 1fr;gap:12px}
button{font:inherit;padding:8px 14px;border-radius:8px;border:1px solid var(--line);background:Canvas;color:CanvasText;
cursor:pointer}
#answers button{font-size:1.05rem;padding:14px 8px}
button:hover{border-color:var(--mark)}button:focus-visible{outline:3px solid var(--mark);outline-offset:1px}
button:disabled{opacity:.45;cursor:default}
kbd{font:600 .9em ui-monospace,Menlo,Consolas,monospace;border:1px solid var(--line);border-radius:5px;padding:0 .45em;
margin-right:.4em}
#bottom{display:flex;gap:12px;flex-wrap:wrap;align-items:center;margin-top:16px;font-size:.9rem}
#warning{color:#D55E00;font-weight:600}
#start input{font:inherit;padding:7px 10px;border-radius:8px;border:1px solid var(--line)}
@media(max-width:700px){#stage{grid-template-columns:1fr 1fr}#asked{grid-column:1/-1;max-width:60%}}
"""

BODY = """
<section id="start">
<p>You will see pairs of videos that were made from the same picture and the same drawn paths. Say which one is better,
or that there is no difference. There are no right answers, and there is no hurry.</p>
<p>Keys: <kbd>1</kbd> left, <kbd>2</kbd> right, <kbd>0</kbd> no difference, <kbd>Backspace</kbd> back,
<kbd>Space</kbd> pause.</p>
<form id="who"><label>Nickname <input id="nickname" maxlength="32" required pattern="[A-Za-z0-9_ \\-]{1,32}"
autocomplete="off" title="Letters, digits, blanks, - and _"></label> <button>Start</button></form>
<p>Your answers stay in this browser until you save them as a file at the end and hand it in. The nickname is all that
is kept of you.</p>
</section>
<section id="vote" hidden>
<div id="top"><progress id="bar" value="0" max="1"></progress><span id="count"></span></div>
<div id="question" aria-live="polite"></div>
<div id="stage">
<figure id="asked"><img alt="The picture with the drawn paths"><figcaption>wanted</figcaption></figure>
<figure><video id="left" muted playsinline></video><figcaption>1</figcaption></figure>
<figure><video id="right" muted playsinline></video><figcaption>2</figcaption></figure></div>
<div id="film"><button type="button" id="play">Pause</button><input type="range" id="frame" min="0" value="0"
aria-label="frame"></div>
<div id="answers"><button type="button" data-choice="left"><kbd>1</kbd>left</button>
<button type="button" data-choice="tie"><kbd>0</kbd>no difference</button>
<button type="button" data-choice="right"><kbd>2</kbd>right</button></div>
</section>
<section id="end" hidden><p><b>That was all. Thank you!</b> Save your votes and hand the file in.</p></section>
<div id="bottom" hidden><button type="button" id="back">Back</button>
<button type="button" id="save">Save my votes as a file</button><span id="saved"></span><span id="warning"></span></div>
"""

SCRIPT = r"""
const study = JSON.parse(document.getElementById("study").textContent);
const $ = id => document.getElementById(id);
const questions = Object.keys(study.questions);
let rater = null, order = [], votes = [], history = [], showing = null, since = 0, timer = null, frame = 0, saved = 0;
let storage = null;
try { storage = window.localStorage; storage.setItem("dal-test", "1"); storage.removeItem("dal-test"); }
catch { storage = null; }

const random = text => {  // a small generator that text seeds: xmur3 and mulberry32
  let h = 1779033703 ^ text.length;
  for (const letter of text) { h = Math.imul(h ^ letter.codePointAt(0), 3432918353); h = h << 13 | h >>> 19; }
  return () => {
    h = h + 0x6D2B79F5 | 0;
    let t = Math.imul(h ^ h >>> 15, 1 | h);
    t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t;
    return ((t ^ t >>> 14) >>> 0) / 4294967296;
  };
};
const shuffled = (items, next) => {
  const out = [...items];
  for (let i = out.length - 1; i > 0; i--) {
    const j = Math.floor(next() * (i + 1));
    [out[i], out[j]] = [out[j], out[i]];
  }
  return out;
};
const place = () => `dal-study-${study.name}-${rater}`;
const keep = () => {
  const text = votes.map(vote => JSON.stringify(vote) + "\n").join("");
  try {
    if (!storage) throw new Error();
    storage.setItem(place(), text);
    storage.setItem(place() + "-saved", String(saved));
    $("warning").textContent = "";
  } catch {
    $("warning").textContent = "This browser keeps nothing: save your votes as a file before you close the page.";
  }
  const open = votes.length - saved;
  $("saved").textContent = open > 0 ? `${open} not saved as a file yet` : votes.length ? "all saved as a file" : "";
};
const answered = () => new Set(votes.map(vote => vote.pair + "|" + vote.question));

$("who").addEventListener("submit", event => {
  event.preventDefault();
  const name = $("nickname").value.trim();
  if (!name) return;
  let id = null;
  try { id = storage && storage.getItem(`dal-rater-${study.name}-${name}`); } catch { id = null; }
  if (!id) {  // two students may choose one nickname: four letters tell them apart
    const bytes = crypto.getRandomValues(new Uint8Array(4));
    id = name + "-" + [...bytes].map(b => "abcdefghijkmnpqrstuvwxyz23456789"[b % 32]).join("");
    try { storage && storage.setItem(`dal-rater-${study.name}-${name}`, id); } catch { /* said below */ }
  }
  rater = id;
  const next = random(study.name + " " + rater);
  order = [];
  for (const pair of shuffled(Object.keys(study.pairs), next)) {
    const [left, right] = next() < 0.5 ? study.pairs[pair] : [...study.pairs[pair]].reverse();
    for (const question of questions) order.push({pair, question, left, right});
  }
  try {
    const text = storage && storage.getItem(place()) || "";
    votes = text.split("\n").filter(line => line).map(line => JSON.parse(line));
    saved = Number(storage && storage.getItem(place() + "-saved") || 0);
  } catch { votes = []; }
  $("start").hidden = true;
  $("bottom").hidden = false;
  keep();
  ask(null);
});

const ask = wanted => {
  const done = answered();
  showing = wanted || order.find(one => !done.has(one.pair + "|" + one.question)) || null;
  $("bar").max = order.length;
  $("bar").value = done.size;
  $("count").textContent = `${done.size} of ${order.length}`;
  $("back").disabled = history.length === 0;
  $("vote").hidden = showing === null;
  $("end").hidden = showing !== null;
  if (!showing) { play(false); return; }
  $("question").textContent = study.questions[showing.question];
  const asked = study.asked[showing.pair], picture = $("asked").querySelector("img");
  $("asked").style.visibility = asked ? "visible" : "hidden";
  if (asked && picture.src !== asked) picture.src = asked;
  for (const side of ["left", "right"]) {
    const source = study.videos[showing[side]];
    if ($(side).src !== source) $(side).src = source;
  }
  $("frame").max = study.last[showing.pair];
  show(0);
  play(true);
  since = performance.now();
};
const show = wanted => {
  frame = wanted;
  $("frame").value = frame;
  for (const side of ["left", "right"]) $(side).currentTime = (frame + 0.5) / study.fps;
};
const step = () => {
  if (["left", "right"].every(side => $(side).readyState > 1 && !$(side).seeking))
    show(frame < Number($("frame").max) ? frame + 1 : 0);
};
const play = on => {
  clearInterval(timer);
  timer = on ? setInterval(step, 1000 / study.fps) : null;
  $("play").textContent = on ? "Pause" : "Play";
};
const vote = choice => {
  if (!showing) return;
  votes.push({study: study.name, rater, pair: showing.pair, question: showing.question, left: showing.left,
    right: showing.right, choice, at: new Date().toISOString(), seconds: Math.round(performance.now() - since) / 1000});
  keep();
  history.push(showing);
  ask(null);
};
const back = () => { if (history.length) ask(history.pop()); };

for (const button of document.querySelectorAll("#answers button"))
  button.addEventListener("click", () => { vote(button.dataset.choice); button.blur(); });
$("back").addEventListener("click", back);
$("play").addEventListener("click", () => play(timer === null));
$("frame").addEventListener("input", () => { play(false); show(Number($("frame").value)); });
$("save").addEventListener("click", () => {
  const text = votes.map(one => JSON.stringify(one) + "\n").join("");
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], {type: "application/x-ndjson"}));
  link.download = `votes-${rater.replaceAll(" ", "_")}.jsonl`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  saved = votes.length;
  keep();
});
document.addEventListener("keydown", event => {
  if (!rater || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  const choice = {"1": "left", "2": "right", "0": "tie"}[event.key];
  if (choice) { event.preventDefault(); vote(choice); }
  else if (event.key === "Backspace") { event.preventDefault(); back(); }
  else if (event.key === " " && event.target.tagName !== "BUTTON") { event.preventDefault(); play(timer === null); }
});
window.addEventListener("beforeunload", event => { if (votes.length > saved && !storage) event.preventDefault(); });
"""
