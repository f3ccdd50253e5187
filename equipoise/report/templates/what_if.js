"use strict";
// Prices move within their ranges; energy is the sum of its parts. Plain script: the page works from a file.
(() => {
  const holder = document.getElementById("what-if-data");
  const runs = holder ? JSON.parse(holder.textContent) : [];
  const box = document.getElementById("what-if-runs");
  const make = (tag, text, kind) => { const e = document.createElement(tag); if (text !== undefined) e.textContent = text; if (kind) e.className = kind; return e; };
  const steps = [[1e9, "G"], [1e6, "M"], [1e3, "k"], [1, ""], [1e-3, "m"], [1e-6, "µ"], [1e-9, "n"], [1e-12, "p"], [1e-15, "f"]];
  const joules = v => { if (v === 0) return "0 J"; const [f, p] = steps.find(s => v >= s[0] * 0.9995) || steps[8]; const x = v / f; return `${x.toFixed(x >= 99.95 ? 0 : x >= 9.995 ? 1 : 2)} ${p}J`; };
  const times = v => `${v >= 100 ? v.toFixed(0) : v.toPrecision(2)} times`;
  // a slider has 1000 places; logarithmic between its ends where both are above zero
  const at = (row, place) => { const [, , low, high] = row, f = place / 1000; return low > 0 ? low * Math.pow(high / low, f) : low + (high - low) * f; };
  const place = row => { const [, value, low, high] = row; if (high <= low) return 0; return Math.round(1000 * (low > 0 ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low))); };
  const totals = new Map();
  function panel(run) {
    const set = make("fieldset"), legend = make("legend", `${run.name}, priced as ${run.profile}`); set.append(legend); set.dataset.run = run.name;
    let boundary = run.boundary;
    const out = make("output", undefined, "total"); out.setAttribute("aria-live", "polite");
    const controls = make("div", undefined, "sliders");
    let sliders = [], use = null;
    const rows = () => run.parts[boundary];
    function total() {
      const used = use ? Number(use.value) / 100 : 1;
      return rows().reduce((sum, row, k) => { const s = sliders.find(s => s.index === k); const v = s ? at(row, Number(s.input.value)) : row[1]; return sum + (k === rows().length - 1 ? v / used : v); }, 0);
    }
    function say() {
      const now = total(); totals.set(run.name, now);
      out.textContent = joules(now); out.dataset.joules = String(now);
      document.dispatchEvent(new Event("what-if"));
    }
    function slider(label, min, max, value, show) {
      const row = make("label", undefined, "slider"), input = make("input"), shown = make("span", undefined, "shown");
      input.type = "range"; input.min = min; input.max = max; input.value = value; input.step = 1;
      const tell = () => { shown.textContent = show(Number(input.value)); input.setAttribute("aria-valuetext", shown.textContent); };
      input.addEventListener("input", () => { tell(); say(); }); tell();
      row.append(make("span", label), input, shown); controls.append(row); return input;
    }
    function build() {
      controls.replaceChildren(); sliders = []; use = null;
      const wide = rows().map((row, index) => ({row, index})).filter(r => r.row[3] > r.row[2] && r.row[3] > 0);
      // the static part always, and of the others those that can move the total most
      const chosen = wide.filter(r => r.index !== rows().length - 1).sort((a, b) => (b.row[3] - b.row[2]) - (a.row[3] - a.row[2])).slice(0, 5).concat(wide.filter(r => r.index === rows().length - 1));
      for (const r of chosen) sliders.push({index: r.index, input: slider(r.row[0], 0, 1000, place(r.row), p => joules(at(r.row, p)))});
      if (rows()[rows().length - 1][1] > 0) use = slider("share of its powered time that the machine works on this", 1, 100, 100, p => `${p} %`);
      say();
    }
    const names = Object.keys(run.parts);
    if (names.length > 1) {
      const label = make("label", undefined, "slider"), choose = make("select");
      names.forEach(n => { const o = make("option", n); o.value = n; o.selected = n === boundary; choose.append(o); });
      choose.addEventListener("change", () => { boundary = choose.value; build(); });
      label.append(make("span", "what the power includes"), choose, make("span")); set.append(label);
    }
    const again = make("button", "as the profile says"); again.type = "button";
    again.addEventListener("click", () => { boundary = run.boundary; const s = set.querySelector("select"); if (s) s.value = boundary; build(); });
    const line = make("p", undefined, "sum"); line.append(make("span", "energy: "), out, make("span", undefined, "ratio"));
    set.append(controls, line, again); build(); return set;
  }
  function ratios() {
    // of a run with the first of the same task
    document.querySelectorAll("#what-if-runs fieldset").forEach((set, k) => {
      const first = runs.find(r => r.task === runs[k].task), base = totals.get(first.name);
      set.querySelector(".ratio").textContent = first !== runs[k] && base ? `, ${times(totals.get(set.dataset.run) / base)} that of ${first.name}` : "";
    });
  }
  document.addEventListener("what-if", ratios);
  if (box) { runs.forEach(run => box.append(panel(run))); ratios(); }
  // Tables as text, to paste into a sheet or a paper.
  const cell = c => { const copy = c.cloneNode(true); copy.querySelectorAll("small").forEach(s => s.prepend(" ")); return copy.textContent.replace(/\s+/g, " ").trim(); };
  const csv = rows => rows.map(r => r.map(t => /[",\n]/.test(t) ? `"${t.replaceAll('"', '""')}"` : t).join(",")).join("\n");
  const signs = {"\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}", "µ": "\\ensuremath{\\mu}", "–": "--"};
  const tex = t => t.replace(/[\\~^µ–]|[&%$#_{}]/g, s => signs[s] || `\\${s}`).replaceAll("\u202f", "\\,");
  const latex = rows => `\\begin{tabular}{l${"r".repeat(Math.max(0, rows[0].length - 1))}}\n\\toprule\n${rows.map((r, k) => r.map(tex).join(" & ") + " \\\\" + (k === 0 ? "\n\\midrule" : "")).join("\n")}\n\\bottomrule\n\\end{tabular}`;
  document.querySelectorAll(".scroll table").forEach(table => {
    const rows = [...table.rows].map(r => [...r.cells].map(cell));
    if (rows.length < 2) return;
    const line = make("p", undefined, "copies"), name = table.closest(".scroll").getAttribute("aria-label") || "table";
    for (const [kind, form] of [["CSV", csv], ["LaTeX", latex]]) {
      const button = make("button", kind); button.type = "button"; button.setAttribute("aria-label", `${name} as ${kind}`);
      button.addEventListener("click", () => {
        const open = line.querySelector("textarea");
        if (open && open.dataset.kind === kind) { open.remove(); return; }
        if (open) open.remove();
        const text = make("textarea"); text.value = form(rows); text.readOnly = true; text.rows = Math.min(12, rows.length + 4); text.dataset.kind = kind;
        text.setAttribute("aria-label", `${name} as ${kind}`); line.append(text); text.focus(); text.select();
      });
      line.append(button);
    }
    table.closest(".scroll").after(line);
  });
  // What is folded in on the screen is open on paper.
  let folded = [];
  addEventListener("beforeprint", () => { folded = [...document.querySelectorAll("details:not([open])")]; folded.forEach(d => { d.open = true; }); });
  addEventListener("afterprint", () => folded.forEach(d => { d.open = false; }));
})();
