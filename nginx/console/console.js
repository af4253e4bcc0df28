/* Asks whether the server and its database answer, every five seconds. */
"use strict";

for (const place of document.querySelectorAll(".here"))
	place.textContent = location.origin;

async function ask(id, path, good, bad) {
	const place = document.getElementById(id);
	let answers = false;

	try {
		answers = (await fetch(path, { cache: "no-store" })).ok;
	} catch {
		answers = false;
	}
	place.textContent = answers ? good : bad;
	place.className = answers ? "good" : "bad";
}

function askAll() {
	ask("health", "/health", "healthy", "does not answer");
	ask("ready", "/ready", "connected", "away");
}

askAll();
setInterval(askAll, 5000);
