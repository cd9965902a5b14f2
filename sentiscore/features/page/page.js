"use strict";
// Draws what plot.py put into the page. Names of entities go into the page as text and never as HTML.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const at = (id) => document.getElementById(id);
  const DAY = 864e5;
  // The stylesheet has all colours, for light and for dark.
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
  const dark = matchMedia("(prefers-color-scheme: dark)");
  // A session is drawn at the noon of its day, so that it fills that day.
  const day = (text) => Date.parse(text.slice(0, 10) + "T12:00:00Z");
  const hour = (text, hours) => new Date(day(text) + (hours - 12) * 36e5).toISOString();
  const count = (n, word) => n.toLocaleString("en") + " " + word + (n === 1 ? "" : "s");
  const number = (value) => value.toFixed(3).replace("-", "−");
  // plotly.js reads a little HTML in its texts
  const plain = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  const touch = matchMedia("(pointer: coarse)").matches; // a finger on the chart scrolls the page
  const narrow = () => at("chart").clientWidth < 560;

  // The outline of mean plus and minus one standard deviation, one shape for each run of sessions that have both.
  function band(x, mean, sd) {
    const shape = { x: [], y: [] };
    const close = (run) => {
      const back = [...run].reverse();
      shape.x.push(...run.map((i) => x[i]), ...back.map((i) => x[i]), x[run[0]], null);
      shape.y.push(...run.map((i) => mean[i] + sd[i]), ...back.map((i) => mean[i] - sd[i]), mean[run[0]] + sd[run[0]], null);
    };
    let run = [];
    for (let i = 0; i <= x.length; i++) {
      if (i < x.length && mean[i] !== null && sd[i] !== null) run.push(i);
      else if (run.length) { close(run); run = []; }
    }
    return shape;
  }

  // One box for each run of sessions without news. Boxes keep their true width where a bar would be widened to a pixel.
  function strip(entity, x) {
    const shape = { x: [], y: [] };
    let from = -1;
    for (let i = 0; i <= x.length; i++) {
      if (i < x.length && entity.n[i] === 0) { if (from < 0) from = i; continue; }
      if (from >= 0) {
        const [left, right] = [hour(x[from], 0), hour(x[i - 1], 23.99)]; // midnight after a Friday is within the week-end's gap
        shape.x.push(left, left, right, right, left, null);
        shape.y.push(0, 1, 1, 0, 0, null);
      }
      from = -1;
    }
    return shape;
  }

  let compared = -1; // the entity whose values are drawn beside those of the entity that is shown

  // What the label of each session says. One trace carries it, since plotly.js would take the value of a neighbour
  // where a session has none of its own.
  function labels(entity) {
    const title = plain(data.column.title);
    const line = (name, text, colour) => `<span style="color:${colour}">■</span> ${name}: ${text}`;
    let last = null;
    return entity.n.map((n, i) => {
      if (n > 0) last = i;
      const lines = [];
      if (entity.y[i] !== null) lines.push(line(title, number(entity.y[i]) + (entity.sd?.[i] != null ? " ± " + number(entity.sd[i]) : ""), colour("value")));
      const other = data.entities[compared], twin = other?.y[entity.start + i - other.start];
      if (other !== entity && twin != null) lines.push(line(plain(other.name || "(no name)"), number(twin), colour("other")));
      if (entity.filled?.[i] != null) lines.push(line(title + ", filled in", number(entity.filled[i]), colour("filled")));
      if (entity.decay?.[i] != null) lines.push(line("Decayed mean", number(entity.decay[i]), colour("decay")));
      if (entity.target?.[i] != null) lines.push(line(plain(data.target), entity.target[i].toLocaleString("en"), colour("target")));
      if (n === null) lines.push("no row in the table");
      else if (n > 0) lines.push(line("Documents", n.toLocaleString("en"), colour("docs")));
      else lines.push(line("No news", last === null ? "none so far" : "last " + count(i - last, "session") + " ago", colour("none")));
      const known = data.known?.[entity.start + i];
      if (known) lines.push("Known from " + known + " UTC");
      return lines.join("<br>");
    });
  }

  function traces(entity) {
    const x = data.dates.slice(entity.start, entity.start + entity.n.length).map((text) => hour(text, 12));
    const many = x.length > 400;
    const silent = { hoverinfo: "skip", connectgaps: false };
    const list = [];
    if (entity.sd) {
      list.push({ ...band(x, entity.y, entity.sd), ...silent, name: "± 1 standard deviation", mode: "lines", fill: "toself",
        fillcolor: colour("band"), line: { color: colour("band"), width: 1.5, simplify: false } });
    }
    list.push({ x, y: entity.y, ...silent, name: plain(data.column.title), mode: "lines+markers",
      line: { color: colour("value"), width: narrow() ? 1.25 : 1.75 }, marker: { size: many ? (narrow() ? 2.5 : 4) : 6 } });
    if (entity.filled) {
      list.push({ x, y: entity.filled, ...silent, name: "filled in, no news", mode: "markers",
        marker: { symbol: "circle-open", size: many ? 4 : 6, color: colour("filled") } });
    }
    if (entity.decay) {
      list.push({ x, y: entity.decay, ...silent, name: "Decayed mean (" + plain(data.decay) + ")", mode: "lines",
        line: { color: colour("decay"), width: 2, dash: "dot" } });
    }
    const other = data.entities[compared];
    if (other && other !== entity) {
      const from = other.start - entity.start; // only the sessions that the entity has too, so that the axis stays its own
      list.push({ x, y: x.map((_, i) => other.y[i - from] ?? null), ...silent, name: plain(other.name || "(no name)"),
        mode: "lines+markers", line: { color: colour("other"), width: 1.5 }, marker: { size: many ? 3 : 5, symbol: "diamond" } });
    }
    if (entity.target) {
      list.push({ x, y: entity.target, ...silent, connectgaps: true, yaxis: "y4", name: plain(data.target), mode: "lines",
        line: { color: colour("target"), width: 1.5 } });
    }
    list.push({ ...strip(entity, x), ...silent, yaxis: "y3", name: "No news", mode: "lines", fill: "toself",
      fillcolor: colour("none"), line: { width: 0, simplify: false } });
    list.push({ type: "bar", x, y: entity.n, hoverinfo: "skip", yaxis: "y2", name: "Documents", width: DAY * 0.85,
      marker: { color: colour("docs"), line: { width: 0 } } });
    const some = entity.y.find((y) => y !== null) ?? 0;
    const height = (i) => entity.y[i] ?? entity.filled?.[i] ?? entity.decay?.[i] ?? some;
    list.push({ x, y: x.map((_, i) => height(i)), mode: "markers", showlegend: false,
      marker: { color: colour("paper"), opacity: 0 }, text: labels(entity), hovertemplate: "%{text}<extra></extra>" });
    return list;
  }

  // The range of the last so many months of an entity, or of all its sessions; never narrower than a week or so.
  function span(entity, months) {
    const last = day(data.dates[entity.start + entity.n.length - 1]);
    let first = day(data.dates[entity.start]);
    if (months) {
      const back = new Date(last);
      back.setUTCMonth(back.getUTCMonth() - months);
      first = Math.max(first, +back);
    }
    const pad = Math.max(0.75 * DAY, (9 * DAY - (last - first)) / 2);
    return [new Date(first - pad).toISOString(), new Date(last + pad).toISOString()];
  }

  // The whole range of a column that has one, and more where a band reaches beyond it.
  function reach(entity, [low, high]) {
    const ends = (sign) => entity.y.map((y, i) => y === null ? y : y + sign * (entity.sd?.[i] ?? 0)).filter((end) => end !== null);
    return [ends(-1).reduce((a, b) => Math.min(a, b), low) - 0.04, ends(1).reduce((a, b) => Math.max(a, b), high) + 0.04];
  }

  function layout(entity) {
    const slim = narrow();
    const axis = { gridcolor: colour("grid"), linecolor: colour("edge"), zerolinecolor: colour("zero"), tickfont: { size: slim ? 12 : 13 }, automargin: true };
    const titled = (text) => ({ text, font: { size: slim ? 12 : 13 }, standoff: 10 });
    const range = data.column.range && reach(entity, data.column.range);
    const unit = data.column.range ? ` (${String(data.column.range[0]).replace("-", "−")} to ${data.column.range[1]})` : "";
    const empty = entity.n.every((n) => !n);
    const blank = entity.y.every((y) => y === null) && !entity.filled;
    return {
      font: { family: 'system-ui, "Segoe UI", "Liberation Sans", Arial, sans-serif', size: 13, color: colour("ink") },
      paper_bgcolor: colour("paper"), plot_bgcolor: colour("paper"), bargap: 0, barmode: "overlay", dragmode: touch ? false : "zoom",
      margin: { l: 10, r: 14, t: 66, b: 40 },
      hovermode: "x unified", hoversubplots: "axis", hoverlabel: { bgcolor: colour("paper"), font: { size: 13, color: colour("ink") } },
      legend: { orientation: "h", x: 0, xanchor: "left", y: 1.02, yanchor: "bottom", font: { size: slim ? 12 : 13 }, traceorder: "normal" },
      xaxis: { ...axis, type: "date", anchor: "y2", range: span(entity, 0), showspikes: true, spikemode: "across",
        spikethickness: 1, spikedash: "solid", spikecolor: colour("zero"), hoverformat: "%a %-d %b %Y", title: titled("Session"),
        tickformatstops: [{ dtickrange: [null, 6048e5], value: "%-d %b\n%Y" }, { dtickrange: [6048e5, "M1"], value: "%-d %b\n%Y" },
          { dtickrange: ["M1", "M12"], value: "%b\n%Y" }, { dtickrange: ["M12", null], value: "%Y" }],
        ...(data.weekends ? {} : { rangebreaks: [{ bounds: ["sat", "mon"] }] }) },
      yaxis: { ...axis, domain: [0.42, 1], title: titled(plain(data.column.title) + unit), ...(range ? { range } : {}), zeroline: true, zerolinewidth: 1.5 },
      ...(entity.target ? { yaxis4: { ...axis, overlaying: "y", side: "right", showgrid: false, zeroline: false, title: titled(plain(data.target)) } } : {}),
      yaxis3: { domain: [0.345, 0.385], range: [0, 1], fixedrange: true, showgrid: false, zeroline: false, showticklabels: false, title: { text: "" } },
      yaxis2: { ...axis, domain: [0, 0.31], title: titled("Documents per session"), rangemode: "tozero", tickformat: ",~d", ...(Math.max(...entity.n) < 6 ? { dtick: 1 } : {}), ...(empty ? { range: [0, 1] } : {}) },
      shapes: [{ type: "rect", xref: "paper", yref: "paper", x0: 0, x1: 1, y0: 0.345, y1: 0.385, line: { width: 1, color: colour("rule") }, fillcolor: colour("wash"), layer: "below" }],
      annotations: empty || blank ? [{ xref: "paper", yref: "paper", x: 0.5, y: 0.85, showarrow: false, font: { size: 16, color: colour("soft") },
        bgcolor: colour("paper"), text: empty ? "No documents in any of these sessions" : "No value in any of these sessions" }] : [],
    };
  }

  let shown = -1;
  function show(index, scroll) {
    shown = index;
    const entity = data.entities[index];
    const rows = entity.n.filter((n) => n !== null);
    const without = rows.filter((n) => n === 0).length;
    const documents = rows.reduce((a, b) => a + b, 0);
    at("name").textContent = entity.name || "(no name)";
    at("entity").value = index;
    at("facts").textContent = `${count(documents, "document")} in ${count(rows.length, "session")}, ` +
      `${(100 * without / rows.length).toFixed(1)} % of them without news`;
    document.querySelectorAll("tbody tr").forEach((row) => row.classList.toggle("shown", +row.dataset.at === index));
    const file = entity.name.replace(/[^\p{L}\p{N}._-]+/gu, "_") || "entity";
    Plotly.react("chart", traces(entity), layout(entity), { responsive: true, displaylogo: false, doubleClick: "reset",
      displayModeBar: narrow() ? false : "hover", showSendToCloud: false, plotlyServerURL: "", // plotly.js would offer to send the data away
      modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"], toImageButtonOptions: { filename: file, scale: 2 } });
    if (scroll) at("name").scrollIntoView({ block: "start" });
  }

  const [select, other] = [at("entity"), at("other")];
  data.entities.forEach((entity, i) => {
    for (const list of [select, other]) list.add(new Option(entity.name || "(no name)", i));
  });
  select.addEventListener("change", () => show(+select.value));
  other.addEventListener("change", () => { compared = +other.value; show(shown); });
  const step = (by) => show((shown + by + data.entities.length) % data.entities.length);
  at("before").addEventListener("click", () => step(-1));
  at("after").addEventListener("click", () => step(1));
  if (data.entities.length === 1) for (const box of ["chooser", "finder", "comparer"]) at(box).hidden = true;

  document.querySelectorAll("[data-months]").forEach((button) => button.addEventListener("click", () =>
    Plotly.relayout("chart", { "xaxis.range": span(data.entities[shown], +button.dataset.months) })));

  const body = document.querySelector("tbody");
  body.addEventListener("click", (event) => {
    const row = event.target.closest("tr");
    if (row) show(+row.dataset.at, true);
  });
  const parsed = (text) => parseFloat(text.replace(/[,%]/g, ""));
  document.querySelectorAll("thead th").forEach((head, column) => head.addEventListener("click", () => {
    const numeric = column > 0 && column < 4;
    const down = head.getAttribute("aria-sort") === "ascending" || (numeric && head.getAttribute("aria-sort") === "none");
    document.querySelectorAll("thead th").forEach((other) => other.setAttribute("aria-sort", "none"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const key = (row) => row.cells[column].textContent;
    const order = numeric ? (a, b) => parsed(key(a)) - parsed(key(b))
      : column ? (a, b) => key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0
      : (a, b) => a.dataset.at - b.dataset.at; // entities have an order of their own: numbers are not sorted as text
    body.append(...[...body.rows].sort((a, b) => down ? order(b, a) : order(a, b)));
  }));
  at("filter").addEventListener("input", () => {
    const wanted = at("filter").value.trim().toLowerCase();
    let found = 0;
    for (const row of body.rows) {
      row.hidden = !row.cells[0].textContent.toLowerCase().includes(wanted);
      found += !row.hidden;
    }
    at("none").hidden = found > 0;
  });

  // A zoom along time fits the axis of documents to what is in sight; a zoom that chose that axis is left alone.
  function fit(change) {
    const keys = Object.keys(change);
    if (!keys.some((key) => key.startsWith("xaxis.")) || keys.some((key) => key.startsWith("yaxis2."))) return;
    const entity = data.entities[shown];
    const [from, to] = at("chart").layout.xaxis.range.map((end) => Date.parse(String(end).replace(" ", "T").replace(/Z?$/, "Z")));
    const inside = (i) => { const noon = day(data.dates[entity.start + i]); return noon >= from && noon <= to; };
    const most = Math.max(1, ...entity.n.filter((_, i) => inside(i)));
    Plotly.relayout("chart", { "yaxis2.range": [0, most * 1.06], "yaxis2.dtick": most < 6 ? 1 : null });
  }

  // begin with the entity that has the most documents
  const sums = data.entities.map((entity) => entity.n.reduce((a, b) => a + b, 0));
  show(sums.indexOf(Math.max(...sums)));
  at("chart").on("plotly_relayout", fit);
  let slim = narrow();
  dark.addEventListener("change", () => show(shown));
  window.addEventListener("resize", () => { if (narrow() !== slim) { slim = !slim; show(shown); } });
})();
