"""One page's session: what it shows, the run that renders it, and what the page asks for."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepzoom import landmarks, systems
from deepzoom.coordinates import format_decimal
from deepzoom.errors import InputError
from deepzoom.landmarks import Landmark
from deepzoom.scene.scene import Scene
from deepzoom.scene.shape import IDENTITY

from . import catalogue, changes, moves, tasks, unfolding
from .address import MOST_CHARACTERS, unpacked
from .alike import shown_at_once
from .canvas import Canvas, Tiles
from .description import described, point
from .messages import about, parsed
from .run import Run, Slots

Send = Callable[[str | bytes, Callable[[], bool] | None], None]
"""Sends a message to the page; given a function, it waits until the page is ready for it or the function is true."""


class Session:
    """A page. send: to the page. first: the scene that it opens with. has_room: whether the page keeps up."""

    def __init__(
        self, key: str, send: Send, first: Scene, slots: Slots, has_room: Callable[[], bool] = lambda: True
    ) -> None:
        self.key, self._send, self._slots, self._has_room = key, send, slots, has_room
        self.scene = first
        self.canvas: Canvas | None = None
        self.run: Run | None = None
        self.runs = 0
        """How many runs it has started."""
        self._finds: threading.Event | None = None
        self._closed = threading.Event()
        self._tasks: dict[str, tasks.Task] = {}
        self.files: dict[str, Path] = {}
        """Files that it has made, by the name in their address."""
        self._lock = threading.RLock()
        self._pointer = (0.0, 0.0)
        self._moved: int | None = None
        """The number of a move that is not shown yet."""
        self._dragging = False
        self._kinds: dict[str, Callable[[dict[str, Any]], None]] = {
            "hello": self._hello, "move": self._move, "size": self._size, "change": self._change, "go": self._go,
            "place": self._place, "point": self._point, "unfold": self._unfold, "save": self._save,
            "stop": self._stop, "film": self._film, "dive": self._dive, "probe": self._probe, "drag": self._drag,
        }  # fmt: skip

    def handle(self, text: str, more: bool = False) -> None:
        """Do what a message asks. Answers what is wrong with it, if it is wrong.

        more: whether another message waits; of moves that follow each other, only the last is shown.
        """
        message: Any = None
        try:
            if len(text) > MOST_CHARACTERS:
                raise InputError(f"message: {len(text):,} characters are too long; send at most {MOST_CHARACTERS:,}.")
            message = parsed(text)
            with self._lock:
                if message["type"] != "move":
                    self._show_moved()
                try:
                    self._kinds[message["type"]](message)
                finally:
                    if not more:
                        self._show_moved()
        except InputError as error:
            self.tell({"type": "refused", "text": str(error), **about(message)})
        except (ArithmeticError, MemoryError, OSError) as error:
            self.tell({"type": "refused", "text": str(error) or "out of memory.", **about(message)})
        except (KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError):
            self.tell({"type": "refused", "text": "message: it is not one that a page of this version sends."})

    def tell(self, message: dict[str, Any]) -> None:
        """Send a message of text."""
        self._send(json.dumps(message), None)

    def close(self) -> None:
        """Stop everything; the page is gone."""
        self._closed.set()
        with self._lock:
            self._stop_all()
            for task in self._tasks.values():
                task.stop()

    def _stop_all(self) -> None:
        if self.run is not None:
            self.run.stop()
        if self._finds is not None:
            self._finds.set()
            self._finds = None

    def _hello(self, message: dict[str, Any]) -> None:
        self._dragging, refused = False, None
        scene = self.scene
        if message.get("address"):
            try:
                scene = unpacked(str(message["address"]))
                systems.create(scene.system, scene.settings, scene.steps, scene.digest)
            except InputError as error:
                refused, scene = str(error), self.scene
        self.tell({**catalogue.contents(scene), "session": self.key})
        width, height = message["size"]
        self._show(replace(scene, view=moves.sized(scene.view, int(width), int(height))), message["number"])
        if refused is not None:
            self.tell({"type": "refused", "text": refused})

    def _move(self, message: dict[str, Any]) -> None:
        view = self.scene.view
        if "pan" in message:
            right, down = message["pan"]
            view = moves.panned(view, float(right), float(down))
        if "zoom" in message:
            column, row = message["at"]
            self._pointer = (float(column), float(row))
            view = moves.zoomed(view, float(message["zoom"]), float(column), float(row))
        self.scene = replace(self.scene, view=view)
        self._moved = message["number"]

    def _drag(self, message: dict[str, Any]) -> None:
        """The page is being dragged, or no longer."""
        self._dragging = bool(message["on"])

    def _show_moved(self) -> None:
        """Show where the moves have led that are not shown yet; if pixels are dear, once the drag rests."""
        held = self._dragging and self.run is not None and self.run.dear
        if self._moved is not None and not held:
            self._show(self.scene, self._moved)

    def _size(self, message: dict[str, Any]) -> None:
        width, height = message["size"]
        self._show(replace(self.scene, view=moves.sized(self.scene.view, int(width), int(height))), message["number"])

    def _change(self, message: dict[str, Any]) -> None:
        self._show(changes.changed(self.scene, message["set"]), message["number"])

    def _go(self, message: dict[str, Any]) -> None:
        scene, view = unpacked(str(message["address"])), self.scene.view
        self._show(replace(scene, view=replace(scene.view, width=view.width, height=view.height)), message["number"])

    def _place(self, message: dict[str, Any]) -> None:
        scene, remark = changes.placed(self.scene, str(message["text"]))
        systems.create(scene.system, scene.settings, scene.steps, scene.digest)
        self._show(scene, message["number"])
        if remark:
            self.tell({"type": "note", "text": remark})

    def _stop(self, message: dict[str, Any]) -> None:
        task = self._tasks.get(str(message["task"]))
        if task is not None:
            task.stop()

    def _film(self, message: dict[str, Any]) -> None:
        self._start("film", lambda: tasks.film(
            self.scene, str(message["from"]), str(message["seconds"]), self.tell, self._kept
        ))  # fmt: skip

    def _kept(self, path: Path) -> str:
        self.files[path.name] = path.resolve()
        return f"/session/{self.key}/{path.name}"

    def _dive(self, message: dict[str, Any]) -> None:
        self._start("dive", lambda: tasks.down(self.scene, str(message["to"]), int(message["seed"]), self.tell))

    def _probe(self, message: dict[str, Any]) -> None:
        x, y = self.scene.view.at(int(message["column"]), int(message["row"]))
        old = self._tasks.get("curve")
        if old is not None:
            old.stop()
        self._tasks["curve"] = tasks.curve(self.scene, x, y, self.tell)

    def _start(self, kind: str, make: Callable[[], tasks.Task]) -> None:
        """Start a task. Raises InputError if one of its kind runs."""
        if kind in self._tasks and self._tasks[kind].runs:
            raise InputError(f"{kind}: one is running; wait for its end, or stop it.")
        self._tasks[kind] = make()

    def _show(self, scene: Scene, number: int) -> None:
        """Show a scene: in other colours if that is all that differs, else by a new run."""
        if self._finds is not None:
            self._finds.set()
            self._finds = None
        self.scene, self._moved, run, canvas = scene, None, self.run, self.canvas
        if canvas is not None and run is not None and canvas.serves(scene):
            canvas.recolour(scene)
            self._describe(number)
            run.repaint()
            self.tell({"type": "recoloured", "number": number})
            return
        if run is not None:
            before, view = run.canvas.scene.view, scene.view
            run.stop(leaves=(before.x, before.y) != (view.x, view.y))
        self.runs += 1
        self.canvas = Canvas(scene, canvas)
        self.run = Run(
            int(number),
            self.canvas,
            self._at_pointer(scene),
            self._paint,
            self._told,
            self._slots,
            self._closed.is_set,
            self._has_room,
            lambda: self._dragging,
            run,
        )
        self._describe(number)
        self.run.start()

    def _at_pointer(self, scene: Scene) -> tuple[float, float]:
        column, row = self._pointer
        view = scene.view
        return (column, row) if 0 < column < view.width and 0 < row < view.height else (view.width / 2, view.height / 2)

    def _describe(self, number: int) -> None:
        """Tell the page what it shows now."""
        run, canvas = self.run, self.canvas
        assert run is not None and canvas is not None
        self.tell({
            "type": "scene", "number": number, "run": run.number, "runs": self.runs, **described(self.scene),
            "at_once": shown_at_once(self.scene, canvas.gives),
        })  # fmt: skip

    def _paint(self, run: Run, part: Tiles | NDArray[np.uint8], finished: bool) -> None:
        """Send a part of a picture, or all of it."""
        head: dict[str, Any] = {"run": run.number, "finished": finished}
        if isinstance(part, Tiles):
            head |= {"stride": part.stride, "corners": part.corners.tolist()}
        rgba = part.rgba if isinstance(part, Tiles) else part
        text = json.dumps(head, separators=(",", ":")).encode()
        self._send(len(text).to_bytes(4, "little") + text + b" " * (-len(text) % 4) + rgba.tobytes(), run.stopped)

    def _told(self, run: Run, message: dict[str, Any]) -> None:
        if not run.stopped():
            self.tell({**message, "run": run.number})

    def _point(self, message: dict[str, Any]) -> None:
        """What is known of the pixel under the pointer."""
        column, row, canvas = int(message["column"]), int(message["row"]), self.canvas
        self._pointer = (float(column), float(row))
        if canvas is None:
            return
        if self.run is not None:
            self.run.pointer = self._pointer
        facts = point(canvas, column, row)
        if facts is not None:
            self.tell({"type": "point", "column": column, "row": row, **facts})

    def _unfold(self, message: dict[str, Any]) -> None:
        """Find the shape that unfolds stripes, in a thread, and show the scene in it."""
        self._stop_all()
        number = message["number"]

        def found(shown: Scene, stop: threading.Event) -> None:
            with self._lock:
                if not stop.is_set():
                    self._show(shown, number)

        self._finds = unfolding.start(self.scene, number, self.tell, found)

    def _save(self, message: dict[str, Any]) -> None:
        """Save the view as a landmark of the user's."""
        from deepzoom.commands.requests.dive import check_name

        name, note = str(message["name"]).strip(), str(message.get("note", ""))[:200]
        check_name(name, False)
        view, scene = self.scene.view, self.scene
        depth = format_decimal(view.depth)
        shape = view.shape.texts() if view.shape != IDENTITY or systems.is_training(scene.system) else ()
        place = Landmark(
            name, scene.system, format_decimal(view.x), format_decimal(view.y), depth, depth, scene.steps,
            note or "saved from the explorer", flip=view.flip, shape=shape, settings=dict(scene.settings),
        )  # fmt: skip
        landmarks.keep(place)
        self.tell({"type": "saved", "landmark": catalogue.listed(place)})
