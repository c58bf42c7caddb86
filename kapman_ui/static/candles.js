// Draws what `candles.py` sends. One chart an element; new data goes into the chart that is there.
const charts = new WeakMap();

export default function (component) {
  const { data, parentElement } = component;
  const place = parentElement.querySelector(".candles");
  const colours = getComputedStyle(place);
  const colour = (name) => colours.getPropertyValue(name).trim();
  let gone = false;

  // Beside the page, wherever the panel is mounted.
  import(new URL("app/static/lightweight-charts.mjs", document.baseURI).href).then((library) => {
    if (gone) return;
    let drawn = charts.get(place);
    if (!drawn) {
      drawn = create(library, place);
      charts.set(place, drawn);
    }
    update(library, drawn, place, data, colour);
  });

  return () => {
    gone = true;
    const drawn = charts.get(place);
    if (drawn) {
      drawn.chart.remove();
      charts.delete(place);
      place.replaceChildren();
    }
  };
}

function create(library, place) {
  const chart = library.createChart(place, { autoSize: true });
  const bars = chart.addSeries(library.CandlestickSeries);
  const volume = chart.addSeries(library.HistogramSeries, { priceScaleId: "", priceFormat: { type: "volume" } });
  volume.priceScale().applyOptions({ scaleMargins: { top: 0.82, bottom: 0 } });
  bars.priceScale().applyOptions({ scaleMargins: { top: 0.06, bottom: 0.2 } });
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "PNG";
  place.append(button);
  return { chart, bars, volume, button, marks: library.createSeriesMarkers(bars, []), levels: [] };
}

function update(library, drawn, place, data, colour) {
  const rising = "#1a9e6b", falling = "#d64550";
  place.style.height = `${data.height}px`;
  // Not an image: it holds a button and the library's link.
  place.setAttribute("role", "group");
  const newest = data.bars[data.bars.length - 1];
  place.setAttribute("aria-label", newest ? `${data.name}: ${data.bars.length} bars to ${newest.time}, close ${newest.close}` : `${data.name}: no bars`);
  drawn.chart.applyOptions({
    layout: { background: { color: colour("--st-background-color") }, textColor: colour("--st-text-color") },
    grid: { vertLines: { color: colour("--st-border-color") }, horzLines: { color: colour("--st-border-color") } },
  });
  drawn.bars.applyOptions({ upColor: rising, downColor: falling, wickUpColor: rising, wickDownColor: falling, borderVisible: false });
  drawn.bars.setData(data.bars);
  drawn.volume.setData(data.volume.map(({ time, value, up }) => ({ time, value, color: (up ? rising : falling) + "66" })));
  drawn.marks.setMarkers(data.marks);
  drawn.levels.forEach((line) => drawn.bars.removePriceLine(line));
  drawn.levels = data.levels.map(({ price, color, title }) =>
    drawn.bars.createPriceLine({ price, color, title, lineWidth: 1, lineStyle: library.LineStyle.Dashed }));
  if (drawn.name !== data.name) {
    const shown = Math.min(data.bars.length, 180);
    drawn.chart.timeScale().setVisibleLogicalRange({ from: data.bars.length - shown, to: data.bars.length + 4 });
    drawn.name = data.name;
  }
  drawn.button.setAttribute("aria-label", `Download the chart of ${data.name} as PNG`);
  drawn.button.onclick = () => {
    const link = document.createElement("a");
    link.href = drawn.chart.takeScreenshot(true).toDataURL("image/png");
    link.download = `${data.name}.png`;
    link.click();
  };
}
