"""The seal of a checkpoint: what lies in it, as a text that carries its own sha256."""

import hashlib
import json
from typing import Any

from functional_nn.flat import Damaged

FORMAT = 1


def sealed(document: dict[str, Any]) -> dict[str, str]:
    """Gives a document as text, with the text's sha256.

    Orbax writes later, in a thread: a text, unlike a list, does not change until then.
    """
    text = json.dumps(document)
    return {"text": text, "sha256": hashlib.sha256(text.encode()).hexdigest()}


def opened(seal: Any, step: int) -> dict[str, Any]:
    """Gives the document that was sealed with a checkpoint.

    Raises:
      Damaged: The seal is broken, of another checkpoint, or holds what no checkpoint has there.
    """
    text = seal.get("text") if isinstance(seal, dict) else None
    if not isinstance(text, str) or seal != {
        "text": text,
        "sha256": hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest(),
    }:
        raise Damaged("its seal is broken")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Damaged("its seal is no JSON") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise Damaged(f"its seal is not of format {FORMAT}")
    if document.get("step") != step:
        raise Damaged(f"it is sealed as number {document.get('step')}")
    arrays, loss = document.get("arrays"), document.get("loss")
    sound = (
        isinstance(document.get("position"), dict)
        and (loss is None or isinstance(loss, (int, float)))
        and isinstance(arrays, dict)
        and all(
            isinstance(entry, list) and len(entry) == 2 and all(isinstance(s, str) for s in entry)
            for entry in arrays.values()
        )
    )
    if not sound:
        raise Damaged("its seal holds what no checkpoint has there")
    return document
