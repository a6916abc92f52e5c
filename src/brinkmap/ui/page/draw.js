"use strict";
// Drawing on canvases: pictures, clips and signals. What differs between ranks is all in this file.

const Draw = (() => {
  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const floats = (text) => new Float32Array(bytes(text).buffer);
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  /** A canvas cleared, with its memory fitted to its place on the screen, and its size in CSS pixels. */
  function fitted(canvas) {
    const box = canvas.getBoundingClientRect();
    const scale = window.devicePixelRatio || 1;
    const width = Math.max(1, Math.round(box.width)), height = Math.max(1, Math.round(box.height));
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    const pen = canvas.getContext("2d");
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    return { pen, width, height };
  }

  /** What is shown, made ready: pictures decoded, values unpacked. */
  async function ready(shown) {
    if (!shown || shown.made) return;
    if (shown.url) {
      const image = new Image();
      image.src = shown.url;
      await image.decode().catch(() => undefined);
      shown.made = image;
    } else {
      shown.made = floats(shown.values);
    }
  }

  function frame(pen, shown, at, width, height) {
    const step = Math.min(at, shown.frames - 1);
    pen.imageSmoothingEnabled = width < shown.width * 1.5;
    pen.drawImage(shown.made, 0, step * shown.height, shown.width, shown.height, 0, 0, width, height);
  }

  /** One frame of a map's places as a small canvas, each coloured by `paint(value) -> [r, g, b, a]`. */
  function places(values, shape, at, of, paint) {
    const [deep, rows, columns] = shape;
    const slice = Math.min(deep - 1, Math.floor((at * deep) / Math.max(1, of)));
    const small = document.createElement("canvas");
    small.width = columns;
    small.height = rows;
    const image = new ImageData(columns, rows);
    for (let place = 0; place < rows * columns; place += 1) {
      image.data.set(paint(values[slice * rows * columns + place]), 4 * place);
    }
    small.getContext("2d").putImageData(image, 0, 0);
    return small;
  }

  const WARM = [214, 73, 28], COLD = [41, 98, 204];
  /** Warm where a place speaks for the class, cold where against it. */
  function heat(value) {
    const strength = Math.min(1, Math.abs(value) / 127);
    return [...(value > 0 ? WARM : COLD), Math.round(230 * strength ** 1.15)];
  }

  function picture(canvas, shown, at) {
    const { pen, width, height } = fitted(canvas);
    frame(pen, shown, at, width, height);
  }

  /** The distortion, with the places that the last question touched outlined. */
  function change(canvas, shown, at, touched, shape) {
    const { pen, width, height } = fitted(canvas);
    if (shown) frame(pen, shown, at, width, height);
    else { pen.fillStyle = "#808080"; pen.fillRect(0, 0, width, height); }
    if (!touched) return;
    const [deep, rows, columns] = shape, values = bytes(touched);
    const slice = Math.min(deep - 1, Math.floor((at * deep) / Math.max(1, shown ? shown.frames : deep)));
    const hit = (row, column) => row >= 0 && column >= 0 && row < rows && column < columns
      && values[(slice * rows + row) * columns + column] > 40;
    pen.strokeStyle = "#ffb000";
    pen.lineWidth = 2;
    pen.beginPath();
    for (let row = 0; row < rows; row += 1) {
      for (let column = 0; column < columns; column += 1) {
        if (!hit(row, column)) continue;
        const left = (column * width) / columns, right = ((column + 1) * width) / columns;
        const top = (row * height) / rows, bottom = ((row + 1) * height) / rows;
        if (!hit(row - 1, column)) { pen.moveTo(left, top); pen.lineTo(right, top); }
        if (!hit(row + 1, column)) { pen.moveTo(left, bottom); pen.lineTo(right, bottom); }
        if (!hit(row, column - 1)) { pen.moveTo(left, top); pen.lineTo(left, bottom); }
        if (!hit(row, column + 1)) { pen.moveTo(right, top); pen.lineTo(right, bottom); }
      }
    }
    pen.stroke();
  }

  /** The map over the sample in grey. */
  function mapped(canvas, shown, at, map) {
    const { pen, width, height } = fitted(canvas);
    pen.filter = "grayscale(1) contrast(.75)";
    frame(pen, shown, at, width, height);
    pen.filter = "none";
    if (!map) return;
    const values = new Int8Array(bytes(map.values).buffer);
    pen.imageSmoothingEnabled = true;
    pen.drawImage(places(values, map.shape, at, shown.frames, heat), 0, 0, width, height);
  }

  /** Leads below each other.
   * @param lines [{shown, colour, wide}] drawn over each other; the first decides the scale, unless `range` is given.
   * @param extra {rate, unit, factor, range, map, touched, shape} */
  function signal(canvas, lines, extra) {
    const { pen, width, height } = fitted(canvas);
    const first = lines[0].shown, left = 46, right = width - 8, foot = 18;
    const lane = (height - foot) / first.leads;
    pen.font = "11px system-ui, sans-serif";
    for (let lead = 0; lead < first.leads; lead += 1) {
      const range = extra.range ? extra.range(lead) : spanOf(lines, lead);
      const top = lead * lane + 5, bottom = (lead + 1) * lane - 5;
      const y = (value) => bottom - ((value - range[0]) / (range[1] - range[0])) * (bottom - top);
      const x = (at) => left + (at / Math.max(1, first.length - 1)) * (right - left);
      bands(pen, extra, left, right, top, bottom);
      axis(pen, range, y, left, right, lead === 0 ? extra.unit : "");
      for (const line of lines) trace(pen, line, lead, x, y);
    }
    seconds(pen, first, extra.rate, left, right, height);
  }

  function spanOf(lines, lead) {
    let low = Infinity, high = -Infinity;
    for (const { shown } of lines) {
      for (let at = lead * shown.length; at < (lead + 1) * shown.length; at += 1) {
        low = Math.min(low, shown.made[at]);
        high = Math.max(high, shown.made[at]);
      }
    }
    const pad = (high - low || 1) * 0.06;
    return [low - pad, high + pad];
  }

  function bands(pen, extra, left, right, top, bottom) {
    if (extra.map) {
      const values = new Int8Array(bytes(extra.map.values).buffer);
      const strip = places(values, extra.map.shape, 0, 1, heat);
      pen.imageSmoothingEnabled = true;
      pen.globalAlpha = 0.75;
      pen.drawImage(strip, left, top - 4, right - left, bottom - top + 8);
      pen.globalAlpha = 1;
    }
    if (!extra.touched) return;
    const values = bytes(extra.touched);
    pen.fillStyle = "rgba(255, 176, 0, .28)";
    values.forEach((value, at) => {
      if (value > 20) pen.fillRect(left + (at / values.length) * (right - left), top - 4, (right - left) / values.length + 0.5, bottom - top + 8);
    });
  }

  function axis(pen, range, y, left, right, unit) {
    pen.fillStyle = colour("--quiet");
    pen.strokeStyle = colour("--rule");
    pen.lineWidth = 1;
    pen.textAlign = "right";
    pen.textBaseline = "middle";
    for (const value of ticks(range[0], range[1], 3)) {
      const at = Math.round(y(value)) + 0.5;
      pen.beginPath();
      pen.moveTo(left, at);
      pen.lineTo(right, at);
      pen.stroke();
      pen.fillText(`${Number(value.toPrecision(3))}`, left - 5, at);
    }
    if (!unit) return;
    pen.textAlign = "left";
    pen.textBaseline = "top";
    pen.fillText(unit, left + 4, 2);
  }

  function trace(pen, line, lead, x, y) {
    const { shown } = line;
    pen.strokeStyle = colour(line.colour);
    pen.lineWidth = line.wide;
    pen.lineJoin = "round";
    pen.beginPath();
    for (let at = 0; at < shown.length; at += 1) pen.lineTo(x(at), y(shown.made[lead * shown.length + at]));
    pen.stroke();
  }

  function seconds(pen, shown, rate, left, right, height) {
    const all = rate ? (shown.length * shown.every) / rate : shown.length * shown.every;
    pen.fillStyle = colour("--quiet");
    pen.textBaseline = "bottom";
    for (const value of ticks(0, all, 8)) {
      const at = left + (value / all) * (right - left);
      pen.textAlign = at > right - 22 ? "right" : "center";
      pen.fillText(`${Number(value.toPrecision(3))}${rate ? " s" : ""}`, at, height - 1);
    }
  }

  /** About so many round numbers within a range. */
  function ticks(low, high, about) {
    const rough = (high - low) / about, power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((digit) => digit * power).find((one) => one >= rough) || 10 * power;
    const found = [];
    for (let value = Math.ceil(low / step) * step; value <= high + step * 1e-9; value += step) found.push(Math.abs(value) < step * 1e-9 ? 0 : value);
    return found;
  }

  /** The attacked class's share at every query: of what was kept as a line, of what was asked as dots; L2 below it. */
  function course(canvas, steps, upto, begun) {
    const { pen, width, height } = fitted(canvas);
    const left = 40, right = width - 10, split = height * 0.62;
    const last = Math.max(10, steps.length ? steps[steps.length - 1].queries : 10);
    const x = (query) => left + ((query - 1) / (last - 1)) * (right - left);
    const seen = steps.slice(0, upto + 1);
    const share = (value) => split - 6 - value * (split - 30);
    pen.font = "11px system-ui, sans-serif";
    scale(pen, [0, 0.5, 1], share, (value) => `${100 * value} %`, left, right, "the attacked class’s share");
    const largest = Math.max(1e-6, ...steps.map((step) => step.l2), begun.maxL2 || 0) * 1.08;
    const length = (value) => height - 18 - (value / largest) * (height - 36 - split);
    scale(pen, ticks(0, largest, 2), length, (value) => `${Number(value.toPrecision(2))}`, left, right, "L2");
    pen.textBaseline = "bottom";
    for (const value of ticks(1, last, Math.max(2, Math.floor(width / 80)))) {
      if (value < 1) continue;
      pen.textAlign = x(value) > right - 20 ? "right" : "center";
      pen.fillText(`${value}`, x(value), height - 1);
    }
    const flip = seen.find((step) => step.flipped);
    if (flip) {
      pen.strokeStyle = colour("--flip");
      pen.setLineDash([4, 3]);
      stroke(pen, [[x(flip.flipped), 14], [x(flip.flipped), height - 18]]);
      pen.setLineDash([]);
    }
    for (const step of seen) {
      pen.fillStyle = pen.strokeStyle = colour(step.kept ? "--accent" : "--quiet");
      pen.beginPath();
      pen.arc(x(step.queries), share(step.tried), step.kept ? 3 : 2, 0, 7);
      if (step.kept) pen.fill(); else { pen.globalAlpha = 0.55; pen.lineWidth = 1; pen.stroke(); pen.globalAlpha = 1; }
    }
    pen.lineWidth = 2;
    pen.strokeStyle = colour("--accent");
    stroke(pen, stairs(seen, x, (step) => share(step.own)));
    pen.strokeStyle = colour("--change");
    stroke(pen, stairs(seen, x, (step) => length(step.l2)));
  }

  function scale(pen, values, y, said, left, right, title) {
    pen.strokeStyle = colour("--rule");
    pen.fillStyle = colour("--quiet");
    pen.lineWidth = 1;
    pen.textAlign = "right";
    pen.textBaseline = "middle";
    for (const value of values) {
      const at = Math.round(y(value)) + 0.5;
      stroke(pen, [[left, at], [right, at]]);
      pen.fillText(said(value), left - 5, at);
    }
    pen.textAlign = "left";
    pen.textBaseline = "bottom";
    pen.fillText(title, left + 2, y(values[values.length - 1]) - 5);
  }

  function stairs(steps, x, y) {
    return steps.flatMap((step, at) => (at ? [[x(step.queries), y(steps[at - 1])], [x(step.queries), y(step)]] : [[x(step.queries), y(step)]]));
  }

  function stroke(pen, points) {
    pen.beginPath();
    for (const [across, down] of points) pen.lineTo(across, down);
    pen.stroke();
  }

  return { ready, picture, change, mapped, signal, course, fitted };
})();
