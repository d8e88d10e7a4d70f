"use strict";

// The server makes the parts of the page and escapes what is in them; here they are put in place.
const link = document.getElementById("link");
const source = new EventSource("events");

source.onopen = () => { link.textContent = ""; };
source.onerror = () => { link.textContent = "the connection is lost: nbfed watch has ended, or starts again"; };
source.onmessage = (message) => {
  for (const [id, html] of Object.entries(JSON.parse(message.data))) {
    document.getElementById(id).innerHTML = html;
  }
  tellAges();
};

// Since when a site was heard of, to ten seconds: a page that ticks every second is not calm.
function tellAges() {
  for (const time of document.querySelectorAll("time")) {
    const seconds = Math.max(0, (Date.now() - Date.parse(time.dateTime)) / 1000);
    time.title = time.dateTime;
    if (seconds < 10) time.textContent = "just now";
    else if (seconds < 60) time.textContent = `${Math.floor(seconds / 10) * 10} s ago`;
    else if (seconds < 7200) time.textContent = `${Math.floor(seconds / 60)} min ago`;
    else time.textContent = `${time.dateTime.slice(0, 10)} ${time.dateTime.slice(11, 16)} UTC`;
  }
}

tellAges();
setInterval(tellAges, 5000);
