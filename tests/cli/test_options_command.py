from __future__ import annotations

from rembg_plugins.core.options import OPTIONS


def test_every_option_is_listed_with_its_flag_and_meaning(run):
    done = run("options")
    assert done.exit_code == 0
    text = " ".join(done.stdout.split())
    for name, info in OPTIONS.items():
        assert f"--{name.replace('_', '-')}" in text
        assert info.help in text
    assert "--expand/--no-expand" in text
