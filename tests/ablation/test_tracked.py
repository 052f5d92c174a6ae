"""What tracking is told of a grid."""

from __future__ import annotations

import dataclasses

from lt_bench.ablation.grid_tracking import parent_record


def test_a_servers_address_may_hold_a_password_and_is_no_parameter(experiment):
    config = dataclasses.replace(experiment("direct-direct"), tracking_uri="https://user:secret@mlflow.example")
    record = parent_record(config, "c" * 64, None)
    assert "secret" not in repr(record)
    assert record.params["cells"] == "direct-direct"
