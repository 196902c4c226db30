"""The pose and face models of mediapipe; this is the only module that imports it.

The ready-made solution of mediapipe finds one person only and does not give its confidence. For pictures its two models
run here as two graphs of our own, so that one pass finds everybody and the caller chooses whose pose to read;
for following one person from frame to frame its graph is used, with a model from which the mask is left out. The models
are the ones that the ``mediapipe`` 0.10.21 wheel carries, so nothing is fetched at run time. Each works for one thread
at a time.
"""

import math
import struct
import sys
import tempfile
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any, Generic, TypeVar

import numpy as np

from kling_ui.errors import WorkError
from kling_ui.languages import Told
from kling_ui.media.files import SCRATCH

# The detector's own default is 0.5; small and stylised bodies are found lower (0.4 for a painted face).
CANDIDATE_SCORE_MIN = 0.15
_FACE_SCORE_MIN = 0.6  # posters, logos and crumpled cloth score less
# Times as long as wide. The detector sees 224 px of the longer side: figures who fill the height it found all in
# pictures 2.5 times as wide, 99 % in such of 3.2 times, 83 % of 4 times and 43 % of 5.5 times; in parts, all of them.
_OBLONG_MAX = 2.5
_SAME_PLACE = 0.3  # of a body's radius, within which its middle is found in two parts of a picture
_REGION_SCALE = 1.25  # how much larger than the body's circle the landmark model wants its square
# Without the packages that it names: most are never imported here, and one would be a second OpenCV.
INSTALLING = "pip install --no-deps mediapipe==0.10.21"
_LOADING = threading.Lock()
_IDLE: "dict[float, PoseTracker]" = {}  # by the score they ask for; loading one takes as long as three to five frames
_NOTHING_PX = 64
T = TypeVar("T")
# What the ready-made solution runs, and where in it the path of the landmark model stands.
_TRACKER_GRAPH = "mediapipe/modules/pose_landmark/pose_landmark_cpu.binarypb"
_LANDMARK_MODEL = "mediapipe/modules/pose_landmark/pose_landmark_full.tflite"
_MODEL_PATH = "poselandmarkbyroicpu__poselandmarkmodelloader__switchcontainer__ConstantSidePacketCalculator_2.packet"
_MASK_OUTPUT = 2  # of landmarks, presence, mask, heat maps, landmarks in metres
# Fields in the tables of TensorFlow Lite's schema, version 3, by where in their vtables they stand: 4 + 2 * number.
_GRAPHS, _GRAPH_OUTPUTS, _GRAPH_OPERATORS, _OPERATOR_INPUTS, _OPERATOR_OUTPUTS = 8, 8, 10, 6, 8
_DETECTOR = """
    input_stream: "image"
    output_stream: "detections"
    node {
      calculator: "PoseDetectionCpu"
      input_stream: "IMAGE:image"
      output_stream: "DETECTIONS:detections"
    }
"""
_LANDMARKER = """
    input_stream: "image"
    input_stream: "region"
    input_side_packet: "model_complexity"
    input_side_packet: "enable_segmentation"
    output_stream: "landmarks"
    output_stream: "world"
    output_stream: "mask"
    node {
      calculator: "PoseLandmarkByRoiCpu"
      input_stream: "IMAGE:image"
      input_stream: "ROI:region"
      input_side_packet: "MODEL_COMPLEXITY:model_complexity"
      input_side_packet: "ENABLE_SEGMENTATION:enable_segmentation"
      output_stream: "LANDMARKS:landmarks"
      output_stream: "WORLD_LANDMARKS:world"
      output_stream: "SEGMENTATION_MASK:mask_image"
    }
    node { calculator: "FromImageCalculator" input_stream: "IMAGE:mask_image" output_stream: "IMAGE_CPU:mask" }
"""


def load_library() -> None:
    """Import mediapipe, whose circular imports break when two threads are the first to run them.

    Raises:
        WorkError: It is not installed.
    """
    with _LOADING, _unused_left_out():
        try:
            import mediapipe  # noqa: F401, PLC0415  loads in a moment, only where used
        except ModuleNotFoundError as error:
            if error.name != "mediapipe":
                raise
            raise WorkError(
                "The pose models are missing: mediapipe is not installed.",
                advice=Told("Install it with: {command}", command=INSTALLING),
            ) from error


@contextmanager
def _unused_left_out() -> Generator[None]:
    """Let mediapipe find empty modules where it imports what nobody asks for here: plots, and its other interface.

    The real matplotlib takes 75 MB of disk and half of the time that mediapipe takes to load; its tasks, two fifths of
    the rest.
    """
    if not sys.modules.keys().isdisjoint({"mediapipe", "matplotlib"}):
        yield
        return
    names = ("matplotlib", "matplotlib.pyplot", "mediapipe.tasks", "mediapipe.tasks.python")
    plots, _, tasks, _ = empty = [ModuleType(name) for name in names]
    vars(plots)["pyplot"], vars(tasks)["python"] = empty[1], empty[3]
    sys.modules.update(zip(names, empty, strict=True))
    try:
        yield
    finally:
        for name in names:
            sys.modules.pop(name, None)


class OnePerThread(Generic[T]):
    """Gives each thread an object of its own, which the next new thread gets when that one has ended.

    Args:
        make: Makes another one, for a thread that finds none left behind.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._kept: dict[threading.Thread, T] = {}
        self._giving = threading.Lock()

    def get(self) -> T:
        """Return the calling thread's object."""
        thread = threading.current_thread()
        with self._giving:
            own = self._kept.get(thread)
            ended = next((other for other in self._kept if not other.is_alive()), None)
            if own is None and ended is not None:
                own = self._kept[thread] = self._kept.pop(ended)
        if own is None:
            own = self._make()
            with self._giving:
                self._kept[thread] = own
        return own


@dataclass(frozen=True, slots=True)
class Candidate:
    """A body that the detector proposes: score, place, size and rotation, in pixels of the picture.

    Attributes:
        score: How sure it is, 0-1.
        x_px: Middle of the hips, from the left; may lie outside the picture.
        y_px: Middle of the hips, from the top.
        radius_px: Of the circle around the hips that holds the whole body, in view or not.
        turn_rad: How far the body is turned in the picture plane, clockwise; 0 stands upright.
    """

    score: float
    x_px: float
    y_px: float
    radius_px: float
    turn_rad: float


@dataclass(frozen=True, slots=True)
class PoseReading:
    """What the landmark model reads of one body: landmarks and mask.

    Attributes:
        landmarks: ``(33, 4)`` float32, see :class:`kling_ui.vision.pose.Pose`.
        world_m: ``(33, 3)`` float32.
        mask: ``(height, width)`` float32 0-1, or ``None`` when it was not asked for.
    """

    landmarks: np.ndarray
    world_m: np.ndarray
    mask: np.ndarray | None


class PoseDetector:
    """Finds bodies in pictures and reads their poses; both models are loaded once and work for one thread at a time."""

    def __init__(self) -> None:
        load_library()
        from google.protobuf import text_format  # noqa: PLC0415  loads in seconds, only where used
        from mediapipe.framework.calculator_pb2 import (  # noqa: PLC0415
            CalculatorGraphConfig,  # ty: ignore[missing-module-member]  protobuf makes its classes at run time
        )
        from mediapipe.framework.formats.rect_pb2 import (  # noqa: PLC0415
            NormalizedRect,  # ty: ignore[missing-module-member]
        )
        from mediapipe.python.solution_base import SolutionBase  # noqa: PLC0415

        def config(text: str) -> Any:
            return text_format.Parse(text, CalculatorGraphConfig())

        self._rect = NormalizedRect
        self._detector = SolutionBase(
            graph_config=config(_DETECTOR),
            calculator_params={"posedetectioncpu__TensorsToDetectionsCalculator.min_score_thresh": CANDIDATE_SCORE_MIN},
        )
        self._landmarker = SolutionBase(
            graph_config=config(_LANDMARKER),
            side_inputs={"model_complexity": 1, "enable_segmentation": True},
        )

    def candidates(self, rgb: np.ndarray) -> list[Candidate]:
        """List the bodies in ``(height, width, 3)`` uint8, surest first."""
        parts = _parts(rgb)
        found = sorted((body for part in parts for body in self._found_in(rgb, *part)), key=lambda body: -body.score)
        if len(parts) == 1:
            return found
        return [body for place, body in enumerate(found) if not any(_is_same(body, other) for other in found[:place])]

    def _found_in(self, rgb: np.ndarray, rows: slice, columns: slice) -> Iterator[Candidate]:
        part = np.ascontiguousarray(rgb[rows, columns])
        answer: Any = self._detector.process(part)
        height, width = part.shape[:2]
        for detection in answer.detections or []:
            body = _candidate(detection, width, height)
            if body.radius_px > 1:
                yield replace(body, x_px=body.x_px + (columns.start or 0), y_px=body.y_px + (rows.start or 0))

    def read(self, rgb: np.ndarray, body: Candidate) -> PoseReading | None:
        """Read the pose of one candidate; ``None`` when the landmark model sees nobody there."""
        height, width = rgb.shape[:2]
        side_px = 2 * _REGION_SCALE * body.radius_px
        region = self._rect(
            x_center=body.x_px / width,
            y_center=body.y_px / height,
            width=side_px / width,
            height=side_px / height,
            rotation=body.turn_rad,
        )
        answer: Any = self._landmarker.process({"image": np.ascontiguousarray(rgb), "region": region})
        return _reading(answer.landmarks, answer.world, answer.mask)


def is_oblong(rgb: np.ndarray) -> bool:
    """Tell whether a picture is so oblong that the detector loses people who fill all of its shorter side."""
    return max(rgb.shape[:2]) > _OBLONG_MAX * min(rgb.shape[:2])


def _parts(rgb: np.ndarray) -> list[tuple[slice, slice]]:
    """Rows and columns of what is searched: all of a picture, of an oblong one parts that overlap by half."""
    if not is_oblong(rgb):
        return [(slice(None), slice(None))]
    height, width = rgb.shape[:2]
    short, long = sorted((height, width))
    starts = np.linspace(0, long - 2 * short, -(-long // short) - 1).round().astype(int).tolist()
    parts = [slice(start, start + 2 * short) for start in starts]
    return [(slice(None), part) if width > height else (part, slice(None)) for part in parts]


def _is_same(body: Candidate, other: Candidate) -> bool:
    return math.hypot(body.x_px - other.x_px, body.y_px - other.y_px) <= _SAME_PLACE * other.radius_px


@dataclass(frozen=True, slots=True)
class DetectedFace:
    """A face that the detector found, with its box.

    Attributes:
        score: How sure the detector is, 0-1.
        box: ``(left, top, right, bottom)`` as fractions of width and height.
        lean_deg: How far it is turned in the picture plane, clockwise, -180 to 180; 0 has the eyes above the mouth.
    """

    score: float
    box: tuple[float, float, float, float]
    lean_deg: float = 0.0


class FaceDetector:
    """Finds faces that are turned to the camera, near and far; loaded once, it works for one thread at a time."""

    def __init__(self) -> None:
        load_library()
        from mediapipe.python.solutions.face_detection import FaceDetection  # noqa: PLC0415  loads in seconds

        self._solution = FaceDetection(model_selection=1, min_detection_confidence=_FACE_SCORE_MIN)

    def faces(self, rgb: np.ndarray) -> list[DetectedFace]:
        """List the faces in ``(height, width, 3)`` uint8, surest first."""
        answer: Any = self._solution.process(np.ascontiguousarray(rgb))
        found, (height, width) = [], rgb.shape[:2]
        for detection in answer.detections or []:
            box = detection.location_data.relative_bounding_box
            sides = box.xmin, box.ymin, box.xmin + box.width, box.ymin + box.height
            right, left, _, mouth = detection.location_data.relative_keypoints[:4]  # both eyes, nose, mouth
            across, up = (left.x + right.x) / 2 - mouth.x, mouth.y - (left.y + right.y) / 2
            lean_deg = math.degrees(math.atan2(across * width, up * height))
            found.append(DetectedFace(float(detection.score[0]), sides, lean_deg))
        return sorted(found, key=lambda face: -face.score)


class PoseTracker:
    """Tracks one person from frame to frame with mediapipe's own tracker, without masks.

    Args:
        connected: The frames follow each other closely, so that one helps the next.
        score_min: How sure the detector must be, 0-1.
    """

    def __init__(self, *, connected: bool, score_min: float) -> None:
        load_library()
        from mediapipe.calculators.core import constant_side_packet_calculator_pb2 as constants  # noqa: PLC0415
        from mediapipe.python.solution_base import SolutionBase  # noqa: PLC0415  loads in seconds

        packet = constants.ConstantSidePacketCalculatorOptions.ConstantSidePacket  # ty: ignore[missing-attribute]
        with _model_without_masks() as model:
            self._solution = SolutionBase(
                binary_graph_path=_TRACKER_GRAPH,
                side_inputs={
                    "model_complexity": 1,  # the one that the wheel carries
                    "smooth_landmarks": False,  # smoothing is the caller's: it knows the whole track
                    "enable_segmentation": False,
                    "smooth_segmentation": False,
                    "use_prev_landmarks": connected,
                },
                calculator_params={
                    "posedetectioncpu__TensorsToDetectionsCalculator.min_score_thresh": score_min,
                    _MODEL_PATH: [packet(string_value=str(model))],
                },
                outputs=["pose_landmarks", "pose_world_landmarks"],
            )
            self.forget()  # by then the model has been read

    def read(self, rgb: np.ndarray) -> PoseReading | None:
        """Read the pose in the next frame, ``(height, width, 3)`` uint8."""
        answer: Any = self._solution.process({"image": rgb})
        return _reading(answer.pose_landmarks, answer.pose_world_landmarks, None)

    def forget(self) -> bool:
        """Lose the person by showing nothing at all, so that the next frame is the first one again; tell if it did."""
        return self.read(np.zeros((_NOTHING_PX, _NOTHING_PX, 3), np.uint8)) is None

    def close(self) -> None:
        """Free the models."""
        self._solution.close()


@contextmanager
def _model_without_masks() -> Generator[Path]:
    """Lend a copy of the landmark model that leaves out what only its mask needs: two fifths of the work."""
    import mediapipe  # noqa: PLC0415

    whole = Path(mediapipe.__file__).parents[1] / _LANDMARK_MODEL
    with tempfile.TemporaryDirectory(prefix=SCRATCH) as folder:
        smaller = Path(folder) / whole.name
        smaller.write_bytes(without_output(whole.read_bytes(), _MASK_OUTPUT))
        yield smaller


def without_output(model: bytes, output: int) -> bytes:
    """Leave out of a TensorFlow Lite model all operators that nothing but one of its outputs needs.

    All other outputs keep their values and their places.

    Args:
        model: The flatbuffer; the offsets of its fields are those of TensorFlow Lite's schema, version 3.
        output: Which output is not wanted; the next one stands in its place as well.
    """
    edited = bytearray(model)

    def number(place: int, kind: str = "<i") -> int:
        return struct.unpack_from(kind, edited, place)[0]

    def vector(table: int, field: int) -> range:
        """Places of the elements, 4 bytes each, of a table's field."""
        place = table + number(table - number(table) + field, "<H")
        start = place + number(place)
        return range(start + 4, start + 4 + 4 * number(start), 4)

    (graph,) = (place + number(place) for place in vector(number(0), _GRAPHS))
    outputs, operators = vector(graph, _GRAPH_OUTPUTS), vector(graph, _GRAPH_OPERATORS)
    struct.pack_into("<i", edited, outputs[output], number(outputs[(output + 1) % len(outputs)]))
    wanted, kept = {number(place) for place in outputs}, []
    for operator in (place + number(place) for place in reversed(operators)):  # each uses what earlier ones give
        if not wanted.isdisjoint(number(place) for place in vector(operator, _OPERATOR_OUTPUTS)):
            wanted.update(number(place) for place in vector(operator, _OPERATOR_INPUTS))
            kept.append(operator)
    struct.pack_into("<I", edited, operators.start - 4, len(kept))
    for place, operator in zip(operators, reversed(kept), strict=False):
        struct.pack_into("<I", edited, place, operator - place)
    return bytes(edited)


@contextmanager
def lent_tracker(score_min: float) -> Generator[PoseTracker]:
    """Lend a tracker for connected frames, for one thread at a time; the last one is kept, since loading takes long.

    Args:
        score_min: How sure the detector must be, 0-1.
    """
    tracker = _IDLE.pop(score_min, None) or PoseTracker(connected=True, score_min=score_min)
    try:
        yield tracker
        is_fresh = tracker.forget()
    except BaseException:
        tracker.close()
        raise
    if not is_fresh or _IDLE.setdefault(score_min, tracker) is not tracker:
        tracker.close()


def _reading(landmarks: Any, world: Any, mask: np.ndarray | None) -> PoseReading | None:
    if landmarks is None:
        return None
    places = [(p.x, p.y, p.z, p.visibility) for p in landmarks.landmark]
    metres = [(p.x, p.y, p.z) for p in world.landmark]
    return PoseReading(np.asarray(places, np.float32), np.asarray(metres, np.float32), mask)


def _candidate(detection: Any, width: int, height: int) -> Candidate:
    hips, rim = detection.location_data.relative_keypoints[:2]
    x, y = hips.x * width, hips.y * height
    across, down = rim.x * width - x, rim.y * height - y
    return Candidate(
        score=float(detection.score[0]),
        x_px=x,
        y_px=y,
        radius_px=math.hypot(across, down),
        turn_rad=math.atan2(across, -down),
    )
