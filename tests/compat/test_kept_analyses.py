"""What version 0.1.0 found in the inputs is left aside: it was found before colours were read as they are shown.

Whoever changes what is found raises the version of the analyses; older ones are never taken for new ones.
"""

import json


def test_an_older_analysis_is_not_believed(data, doors, kept):
    for path in (data / "looks").glob("*.json"):
        look = json.loads(path.read_text("utf-8"))
        if "person" in look:
            look["person"]["subject_share"] = 0.4321
        look["facts"]["width_px"] = 299
        path.write_text(json.dumps(look), "utf-8")
    report = doors.report(data, *(data / kept["references"][name].partition("/")[2] for name in ("image", "video")))
    assert report["image"]["facts"]["subject_share"] != 0.4321
    assert 299 not in (report["image"]["facts"]["width_px"], report["video"]["facts"]["width_px"])
