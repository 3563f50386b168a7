// Draws a long series once more so that it can be explored: drag, or + and -, to look closer, arrows
// to go from day to day. Its figures are those of the table below it.

const DAY = 86_400;
const STEPS = { ArrowLeft: -1, ArrowRight: 1, PageUp: -7, PageDown: 7 };

for (const figure of document.querySelectorAll("figure[data-explore]")) {
  explore(figure.querySelector(".plot"), rows(figure.querySelector("tbody")));
}

function rows(table) {
  const days = [...table.rows].map((row) => Date.parse(row.cells[0].textContent) / 1_000);
  const counts = [...table.rows].map((row) => Number(row.cells[1].textContent.replaceAll(",", "")));
  return [days, counts];
}

// The mean of the week around each day; none where a week isn't whole.
function weekly(counts) {
  return counts.map((_, n) => {
    const week = counts.slice(n - 3, n + 4);
    return n < 3 || week.length < 7 ? null : week.reduce((sum, one) => sum + one) / 7;
  });
}

function explore(plot, [days, counts]) {
  const noun = plot.dataset.noun;
  const color = (name) => getComputedStyle(plot).getPropertyValue(name);
  const stroke = () => color("--soft");
  const grid = { stroke: () => color("--rule"), width: 1 };
  const font = "12px system-ui, sans-serif";
  const mean = weekly(counts);
  const readout = document.createElement("p");
  readout.className = "readout aside";
  readout.setAttribute("aria-live", "polite");

  const told = (time) => new Date(time * 1_000).toLocaleDateString("en-GB", { dateStyle: "long", timeZone: "UTC" });
  const say = (u) => {
    const at = u.cursor.idx;
    const { min, max } = u.scales.x;
    readout.textContent =
      at === null || at === undefined
        ? `${told(min)} to ${told(max)}. The line is the mean of the week around each day. Drag across the days to look closer.`
        : `${told(days[at])}: ${counts[at].toLocaleString("en")} ${noun}` +
          (mean[at] === null ? "" : `, ${Math.round(mean[at]).toLocaleString("en")} a day in the week around it`);
  };

  const height = 220;
  const chart = new uPlot(
    {
      width: plot.clientWidth,
      height,
      tzDate: (time) => uPlot.tzDate(new Date(time * 1_000), "UTC"),
      legend: { show: false },
      cursor: { y: false, points: { show: false }, drag: { x: true, y: false } },
      scales: { y: { range: (u, min, max) => [0, Math.max(max, 1)] } },
      series: [
        {},
        { stroke: () => color("--bar"), fill: () => color("--bar"), width: 0, points: { show: false }, paths: uPlot.paths.bars({ size: [0.8, 100] }) },
        { stroke: () => color("--ink"), width: 1.5, points: { show: false } },
      ],
      axes: [
        { stroke, font, grid: { show: false }, ticks: grid },
        { stroke, font, grid, ticks: { show: false }, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 1e6] },
      ],
      hooks: { setCursor: [say], setScale: [say] },
    },
    [days, counts, mean],
  );

  const [first, last] = [days[0] - DAY / 2, days[days.length - 1] + DAY / 2];
  const show = (min, max) => chart.setScale("x", { min: Math.max(min, first), max: Math.min(max, last) });
  const point = (at) => {
    const { min, max } = chart.scales.x;
    const time = days[Math.min(Math.max(at, 0), days.length - 1)];
    if (time < min || time > max) show(time - (max - min) / 2, time + (max - min) / 2);
    chart.setCursor({ left: chart.valToPos(time, "x"), top: 0 });
  };
  const closer = (by) => {
    const { min, max } = chart.scales.x;
    const at = chart.cursor.idx;
    const middle = at === null || at === undefined ? (min + max) / 2 : days[at];
    const half = Math.max(((max - min) / 2) * by, 3.5 * DAY);
    show(middle - half, middle + half);
    if (at !== null && at !== undefined) point(at);
  };

  const frame = document.createElement("div");
  frame.className = "explored";
  frame.tabIndex = 0;
  frame.setAttribute("role", "group");
  frame.setAttribute("aria-roledescription", "chart");
  frame.setAttribute("aria-label", `${plot.dataset.caption}. Arrows go from day to day, plus and minus look closer and further, Escape shows all.`);
  frame.addEventListener("keydown", (event) => {
    const step = STEPS[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (step) point((chart.cursor.idx ?? (step > 0 ? -1 : days.length)) + step);
    else if (event.key === "Home") point(0);
    else if (event.key === "End") point(days.length - 1);
    else if (event.key === "+") closer(0.5);
    else if (event.key === "-") closer(2);
    else if (event.key === "Escape") show(first, last);
    else return;
    event.preventDefault();
  });
  frame.append(chart.root);
  plot.replaceChildren(frame, readout);
  say(chart);

  new ResizeObserver(() => chart.setSize({ width: plot.clientWidth, height })).observe(plot);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => chart.redraw());
}
