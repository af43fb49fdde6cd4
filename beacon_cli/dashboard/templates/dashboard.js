"use strict";
(() => {
  const set = (node, value) => {
    if (Array.isArray(value)) {
      node.replaceChildren(...value.map((line) => Object.assign(document.createElement("li"), { textContent: line })));
    } else if (typeof value === "number") {
      node.value = value;
    } else {
      node.textContent = value;
    }
  };

  // A job: the server sends what changed, while it is looked at: a browser has few connections for all of its tabs.
  const watch = (watched) => {
    let events = null;
    let seen = "";
    const close = () => events?.close();
    const open = () => {
      close();
      events = new EventSource(`${watched.dataset.events}?seen=${encodeURIComponent(seen)}`);
      events.addEventListener("message", show);
      events.addEventListener("error", complain);
    };
    const show = (event) => {
      seen = event.lastEventId;
      const values = JSON.parse(event.data);
      if (["status", "grid"].some((name) => (values[name] ?? watched.dataset[name]) !== watched.dataset[name])) {
        close(); // other parts of the page depend on them
        location.reload();
        return;
      }
      for (const [name, value] of Object.entries({ problem: "", ...values })) {
        for (const node of document.querySelectorAll(`[data-live="${CSS.escape(name)}"]`)) set(node, value);
      }
    };
    const complain = () => {
      for (const node of document.querySelectorAll('[data-live="problem"]')) {
        node.textContent = "The dashboard does not answer: what is shown here is no longer kept up to date.";
      }
    };
    const look = () => (document.hidden ? close() : open());
    document.addEventListener("visibilitychange", look);
    addEventListener("pagehide", close);
    look();
  };

  // A list: while it is looked at, and the keyboard is not inside of it, it is read again; less often if that takes long.
  const again = async (part) => {
    const began = performance.now();
    await refresh(part);
    setTimeout(again, Math.max(1000 * Number(part.dataset.refresh), 20 * (performance.now() - began)), part);
  };
  const refresh = async (part) => {
    if (document.hidden || part.contains(document.activeElement)) return;
    const response = await fetch(location.href, { cache: "no-store" }).catch(() => null);
    if (!response || !response.ok || part.contains(document.activeElement)) return;
    const now = new DOMParser().parseFromString(await response.text(), "text/html").getElementById(part.id);
    if (now && now.innerHTML !== part.innerHTML) part.replaceChildren(...now.childNodes);
  };

  document.querySelectorAll("[data-events]").forEach(watch);
  document.querySelectorAll("[data-refresh]").forEach((part) => {
    setTimeout(again, 1000 * Number(part.dataset.refresh), part);
  });
})();
