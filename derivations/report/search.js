"use strict";
// Looks through SEARCH_INDEX, which search-index.js defines: [title, page, address, words] each.
(() => {
  const MOST = 12;
  const box = document.querySelector(".search");
  const field = document.getElementById("site-search");
  const found = document.getElementById("site-found");
  const menu = document.querySelector(".menu");
  const entries = SEARCH_INDEX.map(([title, page, address, words]) => ({
    title, page, address, head: title.toLowerCase(), body: `${page} ${words}`.toLowerCase(),
  }));

  // Every word has to be there; a word in the title counts more, most where the title starts so.
  function score(entry, words) {
    let sum = 0;
    for (const word of words) {
      if (entry.head.startsWith(word)) sum += 8;
      else if (entry.head.includes(word)) sum += 4;
      else if (entry.body.includes(word)) sum += 1;
      else return 0;
    }
    return sum + 1 / (1 + entry.head.length);
  }

  function shown(entry) {
    const link = document.createElement("a");
    link.href = entry.address;
    link.textContent = entry.title;
    const place = document.createElement("small");
    place.textContent = entry.page;
    const item = document.createElement("li");
    item.append(link, " ", place);
    return item;
  }

  function search() {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    const hits = words.length === 0 ? [] : entries
      .map((entry) => [score(entry, words), entry])
      .filter(([points]) => points > 0)
      .sort(([one], [other]) => other - one)
      .slice(0, MOST)
      .map(([, entry]) => shown(entry));
    if (words.length > 0 && hits.length === 0) {
      const none = document.createElement("li");
      none.textContent = "Nothing found.";
      hits.push(none);
    }
    found.replaceChildren(...hits);
    found.hidden = hits.length === 0;
  }

  field.addEventListener("input", search);
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter") found.querySelector("a")?.click();
    if (event.key === "Escape") { field.value = ""; search(); }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && document.activeElement !== field) { event.preventDefault(); field.focus(); }
  });
  found.addEventListener("click", () => { found.hidden = true; });
  box.hidden = false;
  // Beside the text there is room for the contents; above it they would stand in the way.
  menu.open = matchMedia("(min-width: 72rem)").matches;
})();
