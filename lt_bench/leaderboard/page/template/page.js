"use strict";

// Tables: sort by a column (values stand in data-value; rows without one stay last), show all columns or the main ones.
for (const table of document.querySelectorAll("table.board")) {
  const body = table.tBodies[0];
  for (const head of table.querySelectorAll("thead th")) {
    head.querySelector("button")?.addEventListener("click", () => {
      const first = head.dataset.first || "descending";
      const other = first === "descending" ? "ascending" : "descending";
      const order = head.getAttribute("aria-sort") === first ? other : first;
      for (const each of table.querySelectorAll("thead th")) each.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", order);
      const sign = order === "ascending" ? 1 : -1;
      const key = (row) => row.cells[head.cellIndex]?.dataset.value ?? "";
      const rows = [...body.rows].sort((a, b) => {
        const [x, y] = [key(a), key(b)];
        if (x === "" || y === "") return (x === "") - (y === "");
        const difference = head.dataset.kind === "text" ? x.localeCompare(y) : Number(x) - Number(y);
        return sign * difference;
      });
      body.append(...rows);
    });
  }
}
// A filter hides the rows whose name does not contain every word that was typed.
for (const field of document.querySelectorAll("[data-filter]")) {
  const rows = document.getElementById(field.dataset.filter).tBodies[0].rows;
  field.addEventListener("input", () => {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of rows) {
      const name = row.cells[0].textContent.toLowerCase();
      row.hidden = !words.every((word) => name.includes(word));
    }
  });
}
for (const box of document.querySelectorAll("[data-columns]")) {
  const show = () => document.getElementById(box.dataset.columns).classList.toggle("brief", !box.checked);
  box.addEventListener("change", show);
  show();
}

// The fusion grid shows one score at a time.
for (const choice of document.querySelectorAll("[data-matrix]")) {
  const show = () => {
    for (const table of document.getElementById(choice.dataset.matrix).querySelectorAll("table"))
      table.hidden = table.dataset.score !== choice.value;
  };
  choice.addEventListener("change", show);
  show();
}

// Per-clip scores under the videos.
function caption(section, root) {
  const name = section.querySelector("[data-captions]")?.value;
  for (const text of root.querySelectorAll("[data-scores]")) text.textContent = JSON.parse(text.dataset.scores)[name] ?? "–";
}
for (const choice of document.querySelectorAll("[data-captions]")) {
  const section = document.getElementById(choice.dataset.captions);
  choice.addEventListener("change", () => caption(section, section));
}

// Videos load when their row comes near and are let go when it is far: a browser plays a limited number at once. Bytes
// that are inside the page become object URLs, so that seeking works everywhere.
function load(video) {
  if (video.dataset.poster && !video.poster) video.poster = video.dataset.poster;
  if (video.src) return;
  if (video.dataset.file) { video.src = video.dataset.file; return; }
  const bytes = Uint8Array.from(atob(video.dataset.video), (c) => c.charCodeAt(0));
  video.src = URL.createObjectURL(new Blob([bytes], { type: "video/mp4" }));
}

function unload(video) {
  if (!video.src) return;
  if (video.src.startsWith("blob:")) URL.revokeObjectURL(video.src);
  video.removeAttribute("src");
  video.load();
}

class Sample {
  static playing = null;

  // The tiles wait in a template: thousands of video elements would keep the page from opening.
  constructor(root) {
    const section = root.closest("section"), template = root.querySelector("template");
    template.replaceWith(template.content);
    caption(section, root);
    this.root = root;
    this.videos = [...root.querySelectorAll("video")];
    this.button = root.querySelector(".play");
    this.bar = root.querySelector("input[type=range]");
    this.time = root.querySelector(".time");
    this.speed = root.querySelector("[data-speed]");
    this.button.addEventListener("click", () => this.toggle());
    this.bar.addEventListener("input", () => this.seek(Number(this.bar.value)));
    this.speed.addEventListener("change", () => this.setRates());
    for (const radio of root.querySelectorAll("input[type=radio]")) {
      radio.addEventListener("change", () => this.listen());
      radio.addEventListener("click", () => this.listen());
    }
    root.addEventListener("keydown", (event) => {
      const inControl = event.target.closest("button, select");
      if (event.key === " " && !inControl) { event.preventDefault(); this.toggle(); }
    });
    this.videos[0]?.addEventListener("loadedmetadata", () => this.show());
    this.listen();
    this.show();
  }

  get master() {
    const chosen = this.root.querySelector("input[type=radio]:checked")?.closest(".tile").querySelector("video");
    return chosen || this.videos[0];
  }

  listen() {
    for (const video of this.videos) video.muted = video !== this.master;
  }

  setRates() {
    for (const video of this.videos) video.playbackRate = Number(this.speed.value);
  }

  async toggle() {
    if (Sample.playing === this) return this.pause();
    Sample.playing?.pause();
    this.videos.forEach(load);
    if (this.master.ended) this.seek(0);
    this.setRates();
    Sample.playing = this;
    this.button.textContent = "❚❚ Pause";
    const started = await Promise.allSettled(this.videos.map((video) => video.play()));
    if (started.every((one) => one.status === "rejected")) return this.pause();
    requestAnimationFrame(() => this.tick());
  }

  pause() {
    for (const video of this.videos) video.pause();
    if (Sample.playing === this) Sample.playing = null;
    this.button.textContent = "▶ Play all";
    this.show();
  }

  seek(seconds) {
    this.videos.forEach(load);
    for (const video of this.videos) video.currentTime = seconds;
    this.show(seconds);
  }

  // The video that sounds leads; the others are nudged by speed, and set by time only when they are far off.
  tick() {
    if (Sample.playing !== this) return;
    const lead = this.master;
    if (lead.ended) {
      for (const video of this.videos) { video.currentTime = 0; video.play().catch(() => {}); }
    }
    const rate = Number(this.speed.value);
    for (const video of this.videos) {
      if (video === lead || video.readyState < 2) continue;
      const drift = video.currentTime - lead.currentTime;
      if (Math.abs(drift) > 0.12) { video.currentTime = lead.currentTime; video.playbackRate = rate; }
      else video.playbackRate = rate * (Math.abs(drift) > 0.015 ? 1 - Math.sign(drift) * 0.08 : 1);
    }
    lead.playbackRate = rate;
    this.show();
    requestAnimationFrame(() => this.tick());
  }

  show(seconds = this.master?.currentTime ?? 0) {
    const length = Number(this.bar.max);
    this.bar.value = seconds;
    this.time.textContent = `${seconds.toFixed(2)} / ${length.toFixed(2)} s`;
  }
}

const samples = new Map();
const near = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (isIntersecting && !samples.has(target)) samples.set(target, new Sample(target));
    const sample = samples.get(target);
    if (isIntersecting) sample.videos.forEach(load);
    else if (sample && Sample.playing !== sample) sample.videos.forEach(unload);
  }
}, { rootMargin: "600px" });
// The first clip of a table is made at once: the others keep its height free, so that scrolling to one of them arrives.
for (const root of document.querySelectorAll(".sample")) {
  const section = root.closest("section");
  if (!section.style.getPropertyValue("--waiting")) {
    samples.set(root, new Sample(root));
    const height = root.offsetHeight - root.querySelector(".spread").offsetHeight;
    section.style.setProperty("--waiting", `${height}px`);
  }
  near.observe(root);
}
for (const choice of document.querySelectorAll("[data-jump]"))
  choice.addEventListener("change", () => {
    const target = document.getElementById(choice.value);
    target?.scrollIntoView({ behavior: "instant" });
    target?.focus({ preventScroll: true });
  });
for (const box of document.querySelectorAll("[data-pixels]"))
  box.addEventListener("change", () => document.getElementById(box.dataset.pixels).classList.toggle("pixels", box.checked));
for (const bar of document.querySelectorAll("[data-size]"))
  bar.addEventListener("input", () => document.getElementById(bar.dataset.size).style.setProperty("--tile", `${bar.value}px`));
