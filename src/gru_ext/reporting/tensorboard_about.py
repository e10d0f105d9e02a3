# SPDX-License-Identifier: MIT
"""What TensorBoard shows beside numbers: a chart of both losses, hyperparameters, samples.

The messages are those of TensorBoard's plugins custom_scalars, hparams and text (tensorboardX has
their definitions).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TRAIN, VALIDATION = "loss/train", "loss/validation"


def layout(unit: str) -> Any:
    """The layout of the page "custom scalars": one chart with both losses."""
    from tensorboardX.summary import custom_scalars

    tags = [TRAIN, VALIDATION]
    return custom_scalars({"loss": {f"bits per {unit}": ["Multiline", tags]}})


def hyperparameters(values: Mapping[str, Any]) -> list[Any]:
    """The page "hparams": the options of a run, and the losses that they lead to."""
    from tensorboardX.proto import api_pb2, plugin_hparams_pb2, summary_pb2

    start, infos = plugin_hparams_pb2.SessionStartInfo(), []
    for name, value in values.items():
        if isinstance(value, bool):
            start.hparams[name].bool_value = value
            kind = api_pb2.DATA_TYPE_BOOL
        elif isinstance(value, int | float):
            start.hparams[name].number_value = value
            kind = api_pb2.DATA_TYPE_FLOAT64
        else:
            start.hparams[name].string_value = str(value)
            kind = api_pb2.DATA_TYPE_STRING
        infos.append(api_pb2.HParamInfo(name=name, type=kind))
    metrics = [api_pb2.MetricInfo(name=api_pb2.MetricName(tag=tag)) for tag in (VALIDATION, TRAIN)]
    experiment = api_pb2.Experiment(hparam_infos=infos, metric_infos=metrics)
    summaries = []
    for tag, content in (
        ("experiment", {"experiment": experiment}),
        ("session_start_info", {"session_start_info": start}),
    ):
        data = plugin_hparams_pb2.HParamsPluginData(version=0, **content).SerializeToString()
        plugin = summary_pb2.SummaryMetadata.PluginData(plugin_name="hparams", content=data)
        metadata = summary_pb2.SummaryMetadata(plugin_data=plugin)
        value = summary_pb2.Summary.Value(tag=f"_hparams_/{tag}", metadata=metadata)
        summaries.append(summary_pb2.Summary(value=[value]))
    return summaries


def text(tag: str, content: str) -> Any:
    """A text on the page "text", which is Markdown there: as it is, in a block of code."""
    from tensorboardX.summary import text as summary

    return summary(tag, "\n".join(f"    {line}" for line in content.split("\n")))
