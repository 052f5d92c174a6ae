"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const at = (id) => document.getElementById(id);
  const random = (below) => crypto.getRandomValues(new Uint32Array(1))[0] % below;
  const rater = Array.from(crypto.getRandomValues(new Uint8Array(4)), (b) => b.toString(16).padStart(2, "0")).join("");
  const order = data.questions.map((_, index) => index);
  for (let i = order.length - 1; i > 0; i--) { const j = random(i + 1); [order[i], order[j]] = [order[j], order[i]]; }
  const answers = [];
  let swapped = false, shownAt = 0;

  function show() {
    const done = answers.length, total = order.length;
    at("progress").textContent = done < total ? `Pair ${done + 1} of ${total}` : `All ${total} pairs answered`;
    at("bar").value = done / total;
    if (done === total) { at("question").hidden = true; at("end").hidden = false; at("save").focus(); return; }
    const question = data.questions[order[done]];
    swapped = random(2) === 1;
    const sides = swapped ? [1, 0] : [0, 1];
    at("left").src = data.videos[question.videos[sides[0]]];
    at("right").src = data.videos[question.videos[sides[1]]];
    // Both have the same voice, so only one of them is heard; the damaged copy of a check has none.
    at("left").muted = question.check && swapped;
    at("right").muted = !at("left").muted;
    shownAt = performance.now();
    play();
  }

  function play() { for (const id of ["left", "right"]) { at(id).currentTime = 0; at(id).play().catch(() => {}); } }

  function choose(side) {
    if (at("question").hidden) return;
    const question = data.questions[order[answers.length]];
    const chosen = side === "tie" ? data.tie : question.systems[(side === "left") !== swapped ? 0 : 1];
    answers.push([question.clip, ...question.systems, chosen, rater, question.check ? "1" : "",
      ((performance.now() - shownAt) / 1000).toFixed(1)]);
    show();
  }

  const quoted = (text) => /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  function csv() {
    const rows = [[...data.columns, "rater", "check", "seconds"], ...answers];
    return rows.map((row) => row.map((cell) => quoted(String(cell))).join(",")).join("\r\n") + "\r\n";
  }

  function save() {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([csv()], { type: "text/csv" }));
    link.download = `ratings-${rater}.csv`;
    link.click();
    URL.revokeObjectURL(link.href);
  }

  at("begin").onclick = () => { at("intro").hidden = true; at("question").hidden = false; show(); };
  for (const side of ["left", "right", "tie"]) at(`choose-${side}`).onclick = () => choose(side);
  at("replay").onclick = play;
  at("save").onclick = save;
  document.addEventListener("keydown", (event) => {
    if (at("question").hidden) return;
    const side = { ArrowLeft: "left", ArrowRight: "right", ArrowDown: "tie" }[event.key];
    if (side) { event.preventDefault(); choose(side); }
    else if (event.key === " ") { event.preventDefault(); play(); }
  });
  window.addEventListener("beforeunload", (event) => { if (answers.length && at("end").hidden) event.preventDefault(); });
  at("progress").textContent = `${order.length} pairs`;
})();
