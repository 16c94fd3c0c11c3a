// The page's style sheet and script.

extension DisplayPage {
  static let style = """
    :root { --ground: #fff; --panel: #f6f7f9; --line: #dfe2e8; --text: #1c2330; --quiet: #667085; --accent: #2459d6;
      --type: #0b7285; --trainable: #1a7f37; --state: #9a6700; --warning: #c1262d; --mark: #fff3bf; }
    @media (prefers-color-scheme: dark) {
      :root { --ground: #14171d; --panel: #1c2129; --line: #313846; --text: #e4e8ef; --quiet: #98a2b3;
        --accent: #8ab0ff; --type: #66d9e8; --trainable: #6fd387; --state: #e3b341; --warning: #ff8d8d;
        --mark: #4a3f12; }
    }
    * { box-sizing: border-box; }
    body { margin: 0; background: var(--ground); color: var(--text);
      font: 14px/1.5 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
    header { position: sticky; top: 0; z-index: 1; display: flex; flex-wrap: wrap; gap: .5rem .75rem;
      align-items: center; padding: .75rem 1.25rem; background: var(--ground); border-bottom: 1px solid var(--line); }
    h1 { margin: 0; font-size: 1.15rem; }
    .badge { padding: 0 .5rem; border: 1px solid var(--line); border-radius: 1rem; color: var(--quiet);
      font-size: .8rem; }
    .tools { display: flex; flex-wrap: wrap; gap: .5rem; align-items: center; margin-left: auto; }
    input, button { font: inherit; color: inherit; background: var(--panel); border: 1px solid var(--line);
      border-radius: 6px; padding: .25rem .6rem; }
    input { width: 17rem; }
    button { cursor: pointer; }
    button:hover, summary:hover { background: var(--line); }
    :focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
    output { color: var(--quiet); font-size: .85rem; }
    main { padding: 1rem 1.25rem 4rem; }
    .node { scroll-margin-top: 5rem; }
    summary { cursor: pointer; padding: .15rem .4rem; border-radius: 6px; }
    .body { margin-left: .72rem; padding-left: 1rem; border-left: 1px solid var(--line); }
    .type, .name, .size, .value, .number, .settings, .tags, .flag {
      font-family: ui-monospace, "SF Mono", "DejaVu Sans Mono", Menlo, Consolas, monospace; font-size: .9em; }
    summary .name { font-size: .95em; }
    .type { color: var(--type); }
    .size, .key, .quiet, .tags, .note { color: var(--quiet); }
    .size { margin-left: .5rem; }
    .share { display: inline-block; width: 70px; height: 5px; margin-left: .75rem; vertical-align: middle;
      background: var(--panel); border-radius: 3px; overflow: hidden; box-shadow: inset 0 0 0 1px var(--line); }
    .share i { display: block; height: 100%; background: var(--accent); }
    .settings { display: flex; flex-wrap: wrap; gap: .25rem .4rem; margin: .2rem 0 .35rem; padding: 0 .4rem;
      list-style: none; font-size: .82rem; }
    .settings li { padding: 0 .45rem; background: var(--panel); border: 1px solid var(--line); border-radius: 5px;
      overflow-wrap: anywhere; }
    a { color: var(--accent); text-decoration: none; }
    a:hover { text-decoration: underline; }
    .external { color: var(--state); }
    .scroll { overflow-x: auto; }
    table { border-collapse: collapse; margin: .1rem 0 .35rem .4rem; }
    td { padding: .12rem 1.1rem .12rem 0; white-space: nowrap; vertical-align: middle; }
    td.number { min-width: 7.2rem; }
    .flag.trainable { color: var(--trainable); }
    .flag.state { color: var(--state); }
    .warning { color: var(--warning); }
    .plot { display: block; fill: var(--accent); }
    .plot .base { stroke: var(--line); fill: none; }
    :target > summary { background: var(--mark); }
    .miss { display: none; }

    """

  /// A node is shown when its path, type and settings have every word, then with all below it, or when something
  /// below it has.
  static let script = """
    "use strict";
    const nodes = [...document.querySelectorAll("details.node")];
    const found = document.getElementById("found");
    const search = document.getElementById("search");
    const own = node => [
      node.dataset.path,
      node.firstElementChild,
      ...node.querySelectorAll(":scope > .body > .settings > li:not(.used)"),
    ].map(e => e.textContent ?? e).join(" ").toLowerCase();
    const rows = node => [...node.querySelectorAll(":scope > .body > .scroll tr")];
    const below = node => [...node.querySelectorAll(":scope > .body > details.node")];
    let hits = 0;
    function filter(node, words, all) {
      const has = text => words.every(word => text.includes(word));
      const self = has(own(node));
      if (self && !all && words.length) hits += 1;
      let any = all || self;
      for (const row of rows(node)) {
        const match = has(`${node.dataset.path} ${row.textContent}`.toLowerCase());
        if (match && words.length && !self && !all) hits += 1;
        row.classList.toggle("miss", !(all || self || match));
        any = any || match;
      }
      for (const child of below(node)) any = filter(child, words, all || self) || any;
      node.classList.toggle("miss", !any);
      if (any && words.length) node.open = true;
      return any;
    }
    search.addEventListener("input", () => {
      const words = search.value.toLowerCase().split(/\\s+/).filter(Boolean);
      hits = 0;
      for (const node of nodes) if (!node.parentElement.closest("details.node")) filter(node, words, false);
      found.textContent = words.length ? `${hits} found` : "";
    });
    document.addEventListener("keydown", event => {
      if (event.key === "/" && document.activeElement !== search) { event.preventDefault(); search.focus(); }
    });
    document.getElementById("open").onclick = () => nodes.forEach(node => node.open = true);
    document.getElementById("close").onclick = () => nodes.forEach(node => node.open = false);
    function reveal() {
      const target = document.getElementById(location.hash.slice(1));
      for (let node = target; node; node = node.parentElement) {
        if (node.matches("details.node")) { node.open = true; node.classList.remove("miss"); }
      }
      if (target) target.firstElementChild.scrollIntoView({ block: "center" });
    }
    addEventListener("hashchange", reveal);
    if (location.hash) reveal();

    """
}
