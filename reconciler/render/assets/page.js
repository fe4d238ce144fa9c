"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const one = (id) => document.getElementById(id);
  const entries = all(".entry");
  const counted = all("[data-main] > .entry");
  const search = one("search");
  const kinds = one("kind-choice");
  const chosen = { action: new Set(), kind: new Set() };
  const texts = new Map();

  const textOf = (entry) => {
    if (!texts.has(entry)) texts.set(entry, entry.textContent.toLowerCase());
    return texts.get(entry);
  };

  const matches = (entry, words) => {
    const { action, kind } = entry.dataset;
    if (chosen.action.size && !chosen.action.has(action)) return false;
    if (chosen.kind.size && !chosen.kind.has(kind)) return false;
    return words.every((word) => textOf(entry).includes(word));
  };

  const filter = () => {
    const words = search ? search.value.toLowerCase().split(/\s+/).filter(Boolean) : [];
    for (const entry of entries) entry.hidden = !matches(entry, words);
    const shown = counted.filter((entry) => !entry.hidden).length;
    const output = one("shown");
    if (output) output.textContent = shown === counted.length ? `${shown} shown` : `${shown} of ${counted.length} shown`;
  };

  const foldAll = (open) => {
    for (const details of all(".entry:not([hidden]) > details")) details.open = open;
  };

  // A file that is opened from a disk may have no storage; the choice then lasts as long as the page.
  const remembered = {
    get theme() {
      try { return localStorage.getItem("reconciler-theme"); } catch { return null; }
    },
    set theme(value) {
      try { localStorage.setItem("reconciler-theme", value); } catch { /* it lasts as long as the page */ }
    },
  };

  const themes = ["system", "light", "dark"];
  const showTheme = (name) => {
    if (name === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = name;
    one("theme-name").textContent = name;
  };
  const nextTheme = () => {
    const now = document.documentElement.dataset.theme ?? "system";
    const next = themes[(themes.indexOf(now) + 1) % themes.length];
    remembered.theme = next;
    showTheme(next);
  };

  const step = (by) => {
    const heads = all(".entry:not([hidden]) > details > summary");
    if (!heads.length) return;
    const at = heads.indexOf(document.activeElement);
    const next = at < 0 ? (by > 0 ? 0 : heads.length - 1) : Math.min(Math.max(at + by, 0), heads.length - 1);
    heads[next].focus();
    heads[next].scrollIntoView({ block: "nearest" });
  };

  const reveal = () => {
    const entry = location.hash.length > 1 ? one(location.hash.slice(1)) : null;
    const details = entry?.matches(".entry") ? entry.querySelector(":scope > details") : null;
    if (!details) return;
    entry.hidden = false;
    details.open = true;
    details.querySelector("summary").focus({ preventScroll: true });
    entry.scrollIntoView({ block: "start" });
  };

  const keys = {
    "/": () => search?.focus(),
    j: () => step(1),
    k: () => step(-1),
    e: () => foldAll(true),
    c: () => foldAll(false),
    t: nextTheme,
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape" && search && (search.value || document.activeElement === search)) {
      search.value = "";
      filter();
      search.blur();
      return;
    }
    if (event.target.closest("input:not([type=checkbox]), select, textarea") || !one("keys-on").checked) return;
    if (!Object.hasOwn(keys, event.key)) return;
    event.preventDefault();
    keys[event.key]();
  });

  for (const button of all("button[data-filter]")) {
    button.addEventListener("click", () => {
      const set = chosen[button.dataset.filter];
      const on = !set.has(button.dataset.value);
      if (on) set.add(button.dataset.value);
      else set.delete(button.dataset.value);
      button.setAttribute("aria-pressed", String(on));
      filter();
    });
  }
  kinds?.addEventListener("change", () => {
    chosen.kind = new Set(kinds.value ? [kinds.value] : []);
    filter();
  });
  search?.addEventListener("input", filter);
  one("unfold").addEventListener("click", () => foldAll(true));
  one("fold").addEventListener("click", () => foldAll(false));
  one("theme").addEventListener("click", nextTheme);
  window.addEventListener("hashchange", reveal);
  window.addEventListener("beforeprint", () => foldAll(true));

  for (const part of all(".tools, .needs-script")) part.hidden = false;
  if (themes.includes(remembered.theme)) showTheme(remembered.theme);
  filter();
  reveal();
})();
