"""The providers that Portkey's gateway knows by name."""

from __future__ import annotations

_IDS = (
    "302ai ai21 aibadgr anthropic anyscale azure-ai azure-openai bedrock bytez cerebras cohere cometapi cortex "
    "dashscope deepbricks deepinfra deepseek featherless-ai fireworks-ai github google groq huggingface hyperbolic "
    "inference-net iointelligence jina kluster-ai krutrim lambda lemonfox-ai lepton lingyi matterai meshy milvus "
    "mistral-ai modal monsterapi moonshot ncompass nebius nextbit nomic novita-ai nscale ollama openai openrouter "
    "oracle ovhcloud palm perplexity-ai portkey predibase qdrant recraft-ai reka-ai replicate sagemaker sambanova "
    "segmind siliconflow stability-ai together-ai tripo3d triton upstage vertex-ai voyage workers-ai x-ai z-ai "
    "zhipu"
)
PROVIDERS = frozenset(_IDS.split())
"""Ids that the open-source gateway 1.15.2 takes (``VALID_PROVIDERS`` in its ``src/globals.ts``)."""
