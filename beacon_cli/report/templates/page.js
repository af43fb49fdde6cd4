"use strict";
(() => {
  const $ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const bar = document.getElementById("filter");
  const fields = Object.fromEntries(["verdict", "inside", "group", "text"].map((name) => [name, document.getElementById("filter-" + name)]));
  const told = document.getElementById("filter-told");
  const groups = $("article.group");
  const rows = $("#map tbody tr");
  const words = new Map([...groups, ...rows].map((node) => [node, node.querySelector(".question").textContent.toLowerCase()]));

  const filter = () => {
    const { verdict, inside, group: chosen, text } = Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, field.value]));
    const wanted = text.trim().toLowerCase();
    const fits = (node) => (!verdict || node.dataset.verdict === verdict) && (!inside || node.dataset.inside === inside);
    const named = (node) => !wanted || words.get(node).includes(wanted);
    let shown = 0;
    for (const group of groups) {
      const columns = $(".column", group);
      for (const column of columns) column.hidden = Boolean(chosen) && column.dataset.group !== chosen;
      group.hidden = !fits(group) || !named(group) || columns.every((column) => column.hidden);
      shown += group.hidden ? 0 : 1;
    }
    for (const row of rows) row.hidden = !named(row) || !$("td", row).some(fits);
    told.textContent = `${shown} of ${groups.length} sets of answers shown`;
  };

  if (groups.length) {
    bar.hidden = false;
    for (const field of Object.values(fields)) field.addEventListener("input", filter);
    document.getElementById("filter-reset").addEventListener("click", () => {
      for (const field of Object.values(fields)) field.value = "";
      filter();
      fields.text.focus();
    });
    const toggle = document.getElementById("toggle-repeats");
    toggle.addEventListener("click", () => {
      const open = toggle.getAttribute("aria-pressed") !== "true";
      toggle.setAttribute("aria-pressed", String(open));
      for (const details of $("#answers details:not(.thought)")) details.open = open;
    });
    filter();
  }

  // A link of the map leads to answers that the filter may have hidden.
  const reveal = () => {
    const target = location.hash && document.getElementById(location.hash.slice(1));
    if (target && target.hidden) {
      for (const field of Object.values(fields)) field.value = "";
      filter();
      target.scrollIntoView();
    }
  };
  addEventListener("hashchange", reveal);

  // On paper nothing can be opened.
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = $("details:not([open])");
    for (const details of closed) details.open = true;
  });
  addEventListener("afterprint", () => {
    for (const details of closed) details.open = false;
  });
})();
