(function () {
  'use strict';
  document.documentElement.className = 'js';
  var D = JSON.parse(document.getElementById('data').textContent);
  var n = D.from.length;
  var plots = [].slice.call(document.querySelectorAll('[data-t]'));
  var cursors = plots.map(function (p) { return p.querySelector('.cur'); });
  var read = document.getElementById('read');
  var hero = document.querySelector('.hero');
  var rest = [].slice.call(read.childNodes);
  var at = -1;
  function num(v) {
    var t = v >= 99.95 ? String(Math.round(v)) : String(+v.toPrecision(3));
    return t.replace(/\B(?=(\d{3})+$)/g, '\u202f');
  }
  function ms(v) {
    if (v >= 999.5) { return (v / 1000).toFixed(2) + '\u00a0s'; }
    return (v < 9.95 ? v.toFixed(1) : Math.round(v)) + '\u00a0ms';
  }
  function clock(s) {
    var w = Math.round(s), h = Math.floor(w / 3600), m = Math.floor(w % 3600 / 60);
    function two(x) { return ('0' + x).slice(-2); }
    return (h ? h + ':' + two(m) : m) + ':' + two(w % 60);
  }
  function part(name, value, bad) {
    read.appendChild(document.createTextNode('\u2003' + name + ' '));
    var b = document.createElement('b');
    b.textContent = value;
    if (bad) { b.className = 'bad'; }
    read.appendChild(b);
  }
  function show(i) {
    if (i < 0 || i >= n) { return; }
    at = i;
    var left = 100 * (D.from[i] + D.to[i]) / 2 / D.end + '%';
    cursors.forEach(function (c) { c.style.display = 'block'; c.style.left = left; });
    read.textContent = '';
    var t = document.createElement('b');
    t.textContent = clock(D.from[i]);
    read.appendChild(t);
    part('load', D.load[i] === null ? 'no data' : num(D.load[i]) + '\u00a0pages/s');
    if (D.lost[i]) { part('not served', num(D.lost[i]) + '\u00a0pages/s', true); }
    ['p50', 'p95', 'p99'].forEach(function (p) {
      if (D[p][i] !== null) { part(p, ms(D[p][i]), D[p][i] > D.limit); }
    });
    if (D.ready[i] !== null) { part(D.service, D.ready[i] + ' ready of ' + D.desired[i]); }
    if (D.room[i] !== null) {
      part(D.room[i] < 0 ? 'short' : 'headroom', num(Math.abs(D.room[i]) * 100) + '\u00a0%', D.room[i] < 0);
    }
  }
  function find(t) {
    for (var i = 0; i < n; i++) { if (D.to[i] > t) { return i; } }
    return n - 1;
  }
  function hide() {
    cursors.forEach(function (c) { c.style.display = 'none'; });
    read.textContent = '';
    rest.forEach(function (x) { read.appendChild(x); });
    at = -1;
  }
  function move(by) {
    if (at < 0) { show(by > 0 ? 0 : n - 1); } else { show(Math.max(0, Math.min(n - 1, at + by))); }
  }
  plots.forEach(function (p) {
    p.addEventListener('pointermove', function (e) {
      var box = p.getBoundingClientRect();
      show(find((e.clientX - box.left) / box.width * D.end));
    });
    p.addEventListener('pointerleave', hide);
  });
  hero.addEventListener('keydown', function (e) {
    var minute = at < 0 ? 1 : Math.max(1, Math.round(60 / (D.to[at] - D.from[at])));
    var step = e.shiftKey ? minute : 1;
    if (e.key === 'ArrowRight') { move(step); e.preventDefault(); }
    if (e.key === 'ArrowLeft') { move(-step); e.preventDefault(); }
    if (e.key === 'Escape') { hide(); }
  });
  hero.addEventListener('blur', hide);
  if (/^#t\d+$/.test(location.hash)) { show(find(+location.hash.slice(2))); }
}());
