"use strict";
// The page: ask the server, mark what it found, filter. Texts only ever become text nodes.
(() => {
  const $ = (id) => document.getElementById(id);
  const EXAMPLES = [
    ["A person", "Ada Lovelace joined Acme Ltd in 1842 and sold her microscope to the University of Oslo."],
    ["An incident", "On 12 May 2017 the WannaCry worm struck hospitals of the NHS through CVE-2017-0144, a flaw in Microsoft Windows."],
    ["A voyage", "HMS Beagle left Plymouth on 27 December 1831.\nCharles Darwin returned to Falmouth in 1836 and wrote The Voyage of the Beagle."],
  ];
  let shown = null; // {text, characters, entities} of the last answer
  let latest = 0; // number of the last question: late answers to earlier ones are dropped

  const say = (message) => { $("status").textContent = message; };
  const headers = () => {
    const key = $("key").value.trim();
    return { "content-type": "application/json", ...(key ? { "x-api-key": key } : {}) };
  };

  // A colour of its own for each type, from its name alone.
  const hue = (type) => {
    let sum = 0;
    for (const letter of type) sum = (sum * 31 + letter.codePointAt(0)) % 360;
    return (sum * 137) % 360;
  };
  const paint = (element, type) => {
    element.style.background = `hsl(${hue(type)} var(--saturation) var(--lightness))`;
  };

  const wanted = () => {
    const least = Number($("confidence").value);
    const off = new Set([...document.querySelectorAll("#types input:not(:checked)")].map((box) => box.value));
    return shown.entities.filter((e) => e.confidence >= least && !off.has(e.label));
  };

  const element = (name, text, className) => {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    if (className) made.className = className;
    return made;
  };

  const marked = (entity) => {
    const mark = element("mark", entity.text);
    const percent = `${(100 * entity.confidence).toFixed(1)} %`;
    mark.tabIndex = 0;
    mark.title = `${entity.label}, confidence ${percent}`;
    mark.dataset.label = entity.label;
    paint(mark, entity.label);
    mark.append(element("span", entity.label, "type"), element("span", percent, "confidence"));
    return mark;
  };

  const row = (entity) => {
    const made = element("tr");
    made.append(
      element("td", entity.text),
      element("td", entity.label),
      element("td", entity.confidence.toFixed(3)),
      element("td", `${entity.start}–${entity.end}`),
    );
    return made;
  };

  const draw = () => {
    if (!shown) return;
    const entities = wanted();
    const parts = [];
    let at = 0;
    for (const entity of entities) {
      parts.push(shown.characters.slice(at, entity.start).join(""), marked(entity));
      at = entity.end;
    }
    parts.push(shown.characters.slice(at).join(""));
    $("result").replaceChildren(...parts);
    $("rows").replaceChildren(...entities.map(row));
    $("confidence-value").textContent = Number($("confidence").value).toFixed(2);
    $("table-box").hidden = false;
    say(`${entities.length} of ${shown.entities.length} entities shown.`);
  };

  const offerTypes = () => {
    const counts = new Map();
    for (const { label } of shown.entities) counts.set(label, (counts.get(label) || 0) + 1);
    $("types").replaceChildren(...[...counts].sort().map(([type, count]) => {
      const label = element("label");
      const box = element("input");
      box.type = "checkbox";
      box.checked = true;
      box.value = type;
      box.addEventListener("change", draw);
      const name = element("span", `${type} (${count})`);
      paint(name, type);
      label.append(box, name);
      return label;
    }));
    $("filters").hidden = counts.size === 0;
  };

  const forget = (message) => {
    shown = null;
    $("result").replaceChildren();
    $("filters").hidden = $("table-box").hidden = true;
    say(message);
  };

  const fault = async (answer) => {
    if (answer.status === 401) $("key-box").open = true;
    if (answer.status === 429) return `The server is busy; try again in ${answer.headers.get("retry-after")} s.`;
    const content = await answer.json().catch(() => ({}));
    return content.detail || `The server answered ${answer.status}.`;
  };

  const ask = async () => {
    const text = $("text").value;
    const number = ++latest;
    if (!text.trim()) return forget("No text yet.");
    $("go").disabled = true;
    say("Recognising…");
    try {
      const answer = await fetch("v1/extract", {
        method: "POST", headers: headers(), body: JSON.stringify({ texts: [text] }),
      });
      if (number !== latest) return;
      if (!answer.ok) return forget(await fault(answer));
      const { results } = await answer.json();
      // Offsets count code points, JavaScript's strings count halves of some of them.
      shown = { text, characters: Array.from(text), entities: results[0].entities };
      $("confidence").value = "0";
      offerTypes();
      draw();
    } catch {
      if (number === latest) forget("The server cannot be reached.");
    } finally {
      if (number === latest) $("go").disabled = false;
    }
  };

  const read = async (file) => {
    if (!file) return;
    $("text").value = await file.text();
    await ask();
  };

  const copy = async () => {
    const content = JSON.stringify({ text: shown.text, entities: wanted() }, null, 2);
    try {
      await navigator.clipboard.writeText(content);
      say("Copied.");
    } catch { // without TLS browsers keep the clipboard to themselves
      const field = element("textarea", content);
      document.body.append(field);
      field.select();
      say(document.execCommand("copy") ? "Copied." : "The browser does not let this page copy.");
      field.remove();
      $("copy").focus();
    }
  };

  const introduce = async () => {
    try {
      const answer = await fetch("info", { headers: headers() });
      if (!answer.ok) { $("model").textContent = await fault(answer); return; }
      const model = await answer.json();
      const sure = model.calibrated ? "calibrated" : "not calibrated";
      $("model").textContent = model.labels.length
        ? `Model ${model.name}: ${model.labels.join(", ")}. Confidence is ${sure}.`
        : `Model ${model.name} is ${model.state}.`;
    } catch { $("model").textContent = "The server cannot be reached."; }
  };

  for (const [name, text] of EXAMPLES) {
    const button = element("button", name);
    button.type = "button";
    button.addEventListener("click", () => { $("text").value = text; ask(); });
    $("examples").append(button);
  }
  $("ask").addEventListener("submit", (event) => { event.preventDefault(); ask(); });
  $("text").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); ask(); }
  });
  $("clear").addEventListener("click", () => { $("text").value = ""; latest++; $("go").disabled = false; forget("No text yet."); $("text").focus(); });
  $("file").addEventListener("change", (event) => { read(event.target.files[0]); });
  for (const name of ["dragover", "dragleave", "drop"]) {
    $("text").addEventListener(name, (event) => {
      if (!event.dataTransfer || ![...event.dataTransfer.types].includes("Files")) return;
      event.preventDefault();
      $("text").classList.toggle("dropping", name === "dragover");
      if (name === "drop") read(event.dataTransfer.files[0]);
    });
  }
  $("filters").addEventListener("submit", (event) => event.preventDefault());
  $("confidence").addEventListener("input", draw);
  $("copy").addEventListener("click", copy);
  $("key").addEventListener("change", introduce);
  introduce();
})();
