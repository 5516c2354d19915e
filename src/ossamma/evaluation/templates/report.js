"use strict";
(() => {
  const form = document.getElementById("filters");
  if (!form) return;
  const rows = Array.from(document.querySelectorAll("[data-relation]"));
  const cases = rows.filter((row) => row.tagName === "LI");
  const shown = document.getElementById("shown");
  const fields = ["relation", "gold", "predicted", "suspect"].filter((name) => form.elements[name]);

  // The hash says it all: a link, the back button and a bookmark lead to the same view.
  // No field: anything. An empty one: that side is missing.
  const read = () => new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : "");

  const matches = (row, wanted, words) =>
    fields.every((name) => !wanted.has(name) || !(name in row.dataset) ||
      row.dataset[name] === wanted.get(name)) &&
    words.every((word) => row.textContent.toLowerCase().includes(word));

  const apply = () => {
    const wanted = read();
    const words = (wanted.get("text") || "").toLowerCase().split(/\s+/).filter(Boolean);
    rows.forEach((row) => { row.hidden = !matches(row, wanted, words); });
    fields.forEach((name) => {
      form.elements[name].value = wanted.has(name) ? "is:" + wanted.get(name) : "any";
    });
    if (document.activeElement !== form.elements.text) form.elements.text.value = wanted.get("text") || "";
    shown.value = `${cases.filter((row) => !row.hidden).length} of the ${cases.length} ${form.dataset.what || "errors"} below`;
    return [...wanted].length > 0;
  };

  const write = () => {
    const wanted = new URLSearchParams();
    fields.forEach((name) => {
      const value = form.elements[name].value;
      if (value.startsWith("is:")) wanted.set(name, value.slice(3));
    });
    if (form.elements.text.value.trim()) wanted.set("text", form.elements.text.value);
    const hash = "#" + wanted.toString();
    history.replaceState(null, "", hash === "#" ? "#errors" : hash);
    apply();
  };

  form.hidden = false;
  form.addEventListener("input", write);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(write));
  window.addEventListener("hashchange", () => { if (apply()) form.scrollIntoView(); });
  if (apply()) form.scrollIntoView();
})();
