"""Where the vectors of other implementations are; see the README there."""

from pathlib import Path

VECTORS = Path(__file__).parents[2] / "vectors"
MIRROR = next((VECTORS / "sunlight-mirror").glob("*/checkpoint")).parent
MIRROR_KEY = "mirror.example.org+3fb148ef+BAAjjch9GyYz0sJsJx7ALhbdAtz2ov0unbzSl1vMp94O"
TESSERA = VECTORS / "tessera-log"
TESSERA_KEY = (TESSERA / "policy").read_text().split()[1]
