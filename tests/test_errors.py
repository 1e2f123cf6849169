"""The library's one error: what is wrong, and how to mend it."""

from __future__ import annotations

import pickle

import pytest

from draganything_lab import LabError


def test_text_and_fix_are_fields() -> None:
    error = LabError("the mask is empty; no pixel is set", fix="paint it")
    assert (error.text, error.fix) == ("the mask is empty; no pixel is set", "paint it")
    assert str(error) == "the mask is empty; no pixel is set; paint it"
    assert LabError("the mask is empty").fix == "" and str(LabError("the mask is empty")) == "the mask is empty"


def test_the_whole_is_put_before_and_the_fix_stays() -> None:
    error = LabError("the mask is empty", fix="paint it").within('entity 2 ("boat")')
    assert (error.text, error.fix) == ('entity 2 ("boat"): the mask is empty', "paint it")


def test_it_comes_back_from_another_process() -> None:
    class Own(LabError):
        pass

    error = pickle.loads(pickle.dumps(LabError("the mask is empty", fix="paint it")))
    assert (error.text, error.fix) == ("the mask is empty", "paint it")
    assert isinstance(Own("a", fix="b").within("c"), Own)


def test_one_word_is_an_error_like_any_other() -> None:
    with pytest.raises(ValueError, match="paint it"):
        raise LabError("the mask is empty", fix="paint it")
