// Show the checklist of a talk's goals.

export function goalItem({ text, done }) {
  const item = document.getElementById("goal-template").content.firstElementChild.cloneNode(true);
  item.dataset.done = done;
  item.querySelector(".goal-text").textContent = text;
  item.querySelector(".goal-state").textContent = done ? ", reached" : ", not yet";
  return item;
}

/** Fill the list. Return the goals that have just been reached. */
export function showGoals({ box, list, count }, goals) {
  const before = new Set([...list.querySelectorAll('[data-done="true"] .goal-text')].map((element) => element.textContent));
  const known = list.children.length > 0;
  list.replaceChildren(...goals.map(goalItem));
  box.hidden = !goals.length;
  count.textContent = `${goals.filter((goal) => goal.done).length} of ${goals.length}`;
  return known ? goals.filter((goal) => goal.done && !before.has(goal.text)) : [];
}
