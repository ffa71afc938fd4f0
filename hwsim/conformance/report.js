const q = document.getElementById("q"), bad = document.getElementById("bad");
function look() { const word = q.value.toLowerCase();
  for (const row of document.querySelectorAll("details")) {
    row.hidden = !(row.dataset.words.includes(word) && (!bad.checked || row.dataset.bad)); } }
q.oninput = bad.onchange = look;
if (location.hash) { const row = document.querySelector(location.hash); if (row) { row.open = true; row.scrollIntoView(); } }
