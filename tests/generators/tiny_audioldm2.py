"""A random AudioLDM 2 of a few thousand weights, with all of its parts."""

from __future__ import annotations

import string
from pathlib import Path

import torch


def save_tiny_pipeline(folder: Path, seed: int = 0) -> Path:
    """Write the pipeline into ``folder`` and return it."""
    from diffusers import (
        AudioLDM2Pipeline,
        AudioLDM2ProjectionModel,
        AudioLDM2UNet2DConditionModel,
        AutoencoderKL,
        DDIMScheduler,
    )
    from transformers import (
        ClapAudioConfig,
        ClapConfig,
        ClapFeatureExtractor,
        ClapModel,
        ClapTextConfig,
        GPT2Config,
        GPT2LMHeadModel,
        RobertaTokenizer,
        SpeechT5HifiGan,
        SpeechT5HifiGanConfig,
        T5Config,
        T5EncoderModel,
        T5Tokenizer,
    )

    letters = [*string.ascii_letters, *string.digits, ".", ",", "/", "-", "^"]
    marked = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", "Ġ", *letters]  # Ġ: a space
    roberta = {token: number for number, token in enumerate(marked)}
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", -9.0), ("▁", -1.0)]
    pieces += [(letter, -2.0) for letter in letters]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        width = 16
        language_model = GPT2LMHeadModel(
            GPT2Config(n_embd=width, n_head=2, n_layer=1, vocab_size=50, n_positions=256)
        )
        language_model.config.max_new_tokens = 4
        clap = ClapConfig(
            text_config=ClapTextConfig(
                vocab_size=len(roberta),
                hidden_size=width,
                intermediate_size=20,
                num_attention_heads=2,
                num_hidden_layers=1,
                projection_dim=width,
                pad_token_id=roberta["<pad>"],
            ).to_dict(),
            audio_config=ClapAudioConfig(
                spec_size=64,
                window_size=4,
                num_mel_bins=64,
                depths=[1, 1],
                num_attention_heads=[2, 2],
                num_hidden_layers=2,
                hidden_size=192,
                patch_size=2,
                patch_stride=2,
                projection_dim=width,
            ).to_dict(),
            projection_dim=width,
        )
        AudioLDM2Pipeline(
            vae=AutoencoderKL(
                in_channels=1,
                out_channels=1,
                block_out_channels=(8, 8),
                down_block_types=("DownEncoderBlock2D",) * 2,
                up_block_types=("UpDecoderBlock2D",) * 2,
                latent_channels=4,
                norm_num_groups=4,
            ),
            text_encoder=ClapModel(clap),
            text_encoder_2=T5EncoderModel(
                T5Config(
                    vocab_size=len(pieces), d_model=24, d_ff=20, d_kv=8, num_heads=2, num_layers=1
                )
            ),
            projection_model=AudioLDM2ProjectionModel(
                text_encoder_dim=width, text_encoder_1_dim=24, langauge_model_dim=width
            ),
            language_model=language_model,
            tokenizer=RobertaTokenizer(roberta, [], model_max_length=64),
            tokenizer_2=T5Tokenizer(pieces, extra_ids=0, model_max_length=128),
            feature_extractor=ClapFeatureExtractor(),
            unet=AudioLDM2UNet2DConditionModel(
                sample_size=8,
                in_channels=4,
                out_channels=4,
                block_out_channels=(8, 16),
                layers_per_block=1,
                down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
                up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
                cross_attention_dim=([None, width, 24], [None, width, 24]),
                attention_head_dim=2,
                norm_num_groups=4,
            ),
            scheduler=DDIMScheduler(
                beta_start=0.0015, beta_end=0.0195, beta_schedule="scaled_linear", clip_sample=False
            ),
            vocoder=SpeechT5HifiGan(
                SpeechT5HifiGanConfig(
                    model_in_dim=8,
                    upsample_initial_channel=8,
                    upsample_rates=[10, 4, 4],
                    upsample_kernel_sizes=[20, 8, 8],
                    resblock_kernel_sizes=[3],
                    resblock_dilation_sizes=[[1]],
                    initializer_range=0.3,
                    normalize_before=False,
                )
            ),
        ).save_pretrained(folder)
    return folder
