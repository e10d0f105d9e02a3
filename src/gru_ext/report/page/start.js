// SPDX-License-Identifier: MIT
// What is shown at once, and what as soon as the browser has time for it.

showBaselines(find("baselines"));
showSurprise();

function showRest() {
  showUnits();
  showSamples(find("sample-list"));
  showRanks(find("rank-figure"));
  showClasses(find("class-rows"));
  showPositions();
  showCalibration(find("calibration-figure"));
  showFrequencies(find("frequency-figure"));
  showNearest(find("nearest-list"));
  showCurve(find("curve-figure"));
  document.documentElement.classList.add("ready");
}

requestAnimationFrame(() => setTimeout(showRest, 0));
