// Keeps pages fresh. Without it they are whole, and as old as they are.
"use strict";

(function () {
  const offline = document.getElementById("offline");
  const maxText = 512 * 1024; // characters of one part that stay on the page

  function connect(url, handlers) {
    const source = new EventSource(url);
    source.onopen = () => { offline.hidden = true; };
    source.onerror = () => { offline.hidden = false; };
    for (const [name, handle] of Object.entries(handlers)) source.addEventListener(name, handle);
    return source;
  }

  // Times: what the page says stays true while nothing else happens.
  const main = document.getElementById("main");
  const skew = Date.now() - Date.parse(main.dataset.now); // of this clock to the master's

  function roughly(s) {
    if (s < 60) return s + " s";
    if (s < 3600) return Math.floor(s / 60) + " min";
    if (s < 48 * 3600) return Math.floor(s / 3600) + " h";
    return Math.floor(s / 86400) + " days";
  }

  setInterval(() => {
    for (const time of main.querySelectorAll("time")) {
      const s = Math.max(0, Math.floor((Date.now() - skew - Date.parse(time.dateTime)) / 1000));
      if ("since" in time.dataset) {
        time.textContent = s < 60 || s >= 3600 ? roughly(s) : roughly(s) + " " + s % 60 + " s";
      } else {
        time.textContent = s < 5 ? "just now" : roughly(s) + " ago";
      }
    }
  }, 1000);

  // Lists: fetch the page again when the master says that something changed.
  let busy = false, again = false;

  async function refresh() {
    if (main.contains(document.activeElement) && document.activeElement.matches("input")) return;
    if (busy) { again = true; return; }
    busy = true;
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
      if (!answer.ok) return;
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      const next = fresh.getElementById("main");
      const open = Array.from(main.querySelectorAll("details")).map((d) => d.open);
      next.querySelectorAll("details").forEach((d, i) => { d.open = open[i] ?? d.open; });
      main.replaceChildren(...next.childNodes);
    } finally {
      busy = false;
      if (again) { again = false; refresh(); }
    }
  }

  if (document.querySelector("main[data-live]")) {
    let first = true;
    const source = connect("/events", { changed: refresh });
    source.addEventListener("open", () => { if (!first) refresh(); first = false; });
    document.addEventListener("focusout", refresh);
    document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
  }

  // Graphs: the edges of a node stand out while the pointer is on it.
  main.addEventListener("pointerover", (e) => {
    const node = e.target.closest("[data-node]");
    for (const svg of main.querySelectorAll(".graph svg")) {
      const mine = node && svg.contains(node) ? node.dataset.node : "";
      svg.classList.toggle("lit", mine !== "");
      for (const edge of mine ? svg.querySelectorAll(".edge") : []) {
        edge.classList.toggle("on", edge.dataset.ends.split(" ").includes(mine));
      }
    }
  });

  // A build: its log and its state.
  const log = document.getElementById("log");

  function part(piece) {
    const id = "part-" + piece.part;
    const found = document.getElementById(id);
    if (found) return found.querySelector("pre");
    document.getElementById("nooutput")?.remove();
    const section = document.createElement("details");
    section.className = "part";
    section.id = id;
    section.open = true;
    const title = document.createElement("summary");
    title.appendChild(document.createElement("b")).textContent = piece.name;
    const text = document.createElement("pre");
    section.append(title, text);
    const later = Array.from(log.querySelectorAll("details.part"))
      .find((d) => Number(d.id.slice(5)) > piece.part);
    log.insertBefore(section, later ?? document.getElementById("end"));
    return text;
  }

  function append(message) {
    const piece = JSON.parse(message.data);
    const page = document.scrollingElement;
    const atEnd = page.scrollHeight - page.scrollTop - page.clientHeight < 80;
    const text = part(piece);
    text.append(piece.text);
    let length = text.textContent.length;
    while (length > maxText && text.childNodes.length > 1) {
      length -= text.firstChild.length;
      text.firstChild.remove();
    }
    if (atEnd) page.scrollTop = page.scrollHeight;
  }

  if (log && log.dataset.events) {
    const source = connect(log.dataset.events, {
      log: append,
      status: (message) => {
        const status = document.getElementById("status");
        status.innerHTML = message.data; // escaped by the master
        const head = status.querySelector("h1");
        document.title = head.firstChild.textContent + head.querySelector(".badge").textContent + " · Wright";
      },
      end: (message) => {
        source.close();
        document.getElementById("live")?.remove();
        if (message.data === "reload") location.reload();
      },
    });
  }

  document.addEventListener("submit", (e) => {
    const question = e.target.dataset.confirm;
    if (question && !confirm(question)) e.preventDefault();
  });
})();
