"""The handlers about the server itself: alive, ready, measured, what it serves, loading anew."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter, Depends, Request, Response

from ossamma.serving.models import Slot
from ossamma.serving.service import allow_admin, allow_use, note, service_of
from ossamma.serving.wire import (
    ErrorResponse,
    HealthResponse,
    InfoResponse,
    ModelOut,
    ModelsResponse,
    ReadyResponse,
    ReloadRequest,
    ReloadResponse,
)

router = APIRouter(tags=["server"])
_KEY: Final[dict[int | str, dict[str, Any]]] = {
    401: {"model": ErrorResponse, "description": "No key, or an unknown one."}
}
_ADMIN: Final = _KEY | {
    403: {"model": ErrorResponse, "description": "The key does not allow this."},
    409: {
        "model": ReloadResponse,
        "description": "A model could not be loaded; the old one stays.",
    },
    422: {"model": ErrorResponse, "description": "The request is not well formed."},
}


@router.get("/health")
async def health() -> HealthResponse:
    """Say that the process lives, whatever its models do."""
    return HealthResponse(status="healthy")


@router.get("/ready", responses={503: {"model": ReadyResponse, "description": "Not now."}})
async def ready(request: Request, response: Response) -> ReadyResponse:
    """Say whether requests should be sent here: every model is verified, loaded and at work."""
    models = service_of(request).models
    response.status_code = 200 if models.is_ready else 503
    return ReadyResponse(
        status="ready" if models.is_ready else "not ready",
        models={slot.name: slot.state.value for slot in models.slots.values()},
    )


@router.get("/metrics", response_class=Response)
async def metrics(request: Request) -> Response:
    """Return all metrics in Prometheus' text format."""
    return Response(
        service_of(request).metrics.page(), media_type="text/plain; version=1.0.0; charset=utf-8"
    )


@router.get("/info", dependencies=[Depends(allow_use)], responses=_KEY)
async def info(request: Request) -> InfoResponse:
    """Describe the default model, as the NER11 service does."""
    models = service_of(request).models
    default = _describe(models.slot(None))
    return InfoResponse(**default.model_dump(), models=list(models.slots))


@router.get("/v1/models", dependencies=[Depends(allow_use)], responses=_KEY)
async def list_models(request: Request) -> ModelsResponse:
    """Describe every model."""
    slots = service_of(request).models.slots.values()
    return ModelsResponse(models=list(map(_describe, slots)))


@router.post("/admin/reload", dependencies=[Depends(allow_admin)], responses=_ADMIN)
async def reload(
    request: Request, response: Response, body: ReloadRequest | None = None
) -> ReloadResponse:
    """Load models anew from their folders; no request is lost. 409 if one could not be loaded."""
    service = service_of(request)
    names = None if body is None or body.models is None else body.models
    for name in names or ():
        service.models.slot(name)
    faults = await service.models.reload(names)
    for name, fault in faults.items():
        service.metrics.reloaded(name, is_ok=not fault)
    note(request, reloaded=sorted(faults))
    response.status_code = 409 if any(faults.values()) else 200
    return ReloadResponse(models=faults)


def _describe(slot: Slot) -> ModelOut:
    if slot.served is None:
        return ModelOut(name=slot.name, state=slot.state.value)
    loaded = slot.served.loaded
    metadata = loaded.metadata
    return ModelOut(
        name=slot.name,
        state=slot.state.value,
        labels=list(loaded.types),
        calibrated=loaded.calibration is not None,
        thresholds=sorted(loaded.calibration.thresholds) if loaded.calibration else [],
        **{
            name: metadata[name]
            for name in (
                "model_type",
                "version",
                "checksum",
                "profile",
                "num_labels",
                "val_f1",
                "exported_at",
            )
            if name in metadata
        },
    )
