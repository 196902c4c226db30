// A numbered heading.
element.querySelector(".step").textContent = props.step;
element.querySelector(".heading-words").textContent = props.title;
