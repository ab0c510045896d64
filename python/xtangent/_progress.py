"""Bars: of tqdm where it is installed, which knows terminals and notebooks, and else a plainer one."""

import sys
from collections.abc import Callable
from types import TracebackType
from typing import Any, TypeAlias

Progress: TypeAlias = bool | Callable[..., object] | None
"""True for a bar, or a function that is called about twenty times a second; False or None for neither."""


class _Plain:
    """A bar of one line that is written anew: terminals and notebooks both understand it."""

    def __init__(self, title: str) -> None:
        self._title, self._drawn = title, ""

    def show(self, fraction: float, text: str) -> None:
        cells = 24
        full = int(cells * fraction)
        line = f"{self._title} {100 * fraction:3.0f} % {'█' * full}{'░' * (cells - full)} {text}"
        if line != self._drawn:
            sys.stderr.write("\r" + line.ljust(len(self._drawn)))
            sys.stderr.flush()
            self._drawn = line

    def close(self) -> None:
        if self._drawn:
            sys.stderr.write("\n")


class _Tqdm:
    def __init__(self, title: str, tqdm: Any) -> None:
        self._bar = tqdm(total=1.0, desc=title, bar_format="{desc} {percentage:3.0f}%|{bar}| {elapsed}{postfix}")

    def show(self, fraction: float, text: str) -> None:
        self._bar.n = fraction
        self._bar.set_postfix_str(text, refresh=False)
        self._bar.refresh()

    def close(self) -> None:
        self._bar.close()


def _bar(title: str) -> "_Plain | _Tqdm":
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return _Plain(title)
    return _Tqdm(title, tqdm)


class Bar:
    """For one computation: ``with Bar(progress, title, told) as callback``.

    `told` turns the numbers that the compiled part gives into a fraction and a text for the bar. A function of the user
    gets the numbers themselves.
    """

    def __init__(self, progress: Progress, title: str, told: Callable[..., tuple[float, str]]) -> None:
        self._told = told
        self._bar = _bar(title) if progress is True else None
        self.callback: Callable[..., object] | None = None
        if self._bar is not None:
            self.callback = self._show
        elif callable(progress):
            self.callback = progress

    def _show(self, *numbers: float) -> None:
        assert self._bar is not None
        fraction, text = self._told(*numbers)
        self._bar.show(min(max(fraction, 0.0), 1.0), text)

    def __enter__(self) -> Callable[..., object] | None:
        return self.callback

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            if error is None:
                self._bar.show(1.0, "")
            self._bar.close()


def of_kernel(fraction: float, seconds: float, left: float) -> tuple[float, str]:
    return fraction, f"{left:.0f} s left"
