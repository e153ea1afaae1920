"""Transformers of Hugging Face's library with tiny configurations."""

import torch
import transformers as hf
from torch import nn

from torch_models import Registry

registry = Registry()
names, forms = registry.names, registry.forms
words = lambda n=6: torch.arange(n)[None] * 7 % 30 + 3
picture = lambda size=32: torch.randn(1, 3, size, size)
text = dict(vocab_size=40, max_position_embeddings=16, attn_implementation="eager")
wide = dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32)


class First(nn.Module):
    """Gives the first output, given one input by its name."""

    def __init__(self, net, name, output=None, **fixed):
        super().__init__()
        self.net, self.name, self.output, self.fixed = net, name, output, fixed

    def forward(self, x):
        # A language model without a mask looks for packed texts, by an op that the TorchScript exporter lacks.
        mask = {"attention_mask": torch.ones_like(x)} if self.fixed else {}
        result = self.net(**{self.name: x}, **mask, **self.fixed)
        return getattr(result, self.output) if self.output else result[0]


def add(name, architecture, config, inputs=words, extra=(), argument=None, **options):
    def make():
        settings = getattr(hf, config[0])(**config[1])
        net = getattr(hf, architecture)(settings).float()
        key = argument or ("input_ids" if inputs is words else "pixel_values")
        return First(net, key, **options), inputs()

    registry.add(make, name, extra)


add("bert", "BertForSequenceClassification", ("BertConfig", {**text, **wide}), extra=("ts-ort-bert",))
add("bert-masked", "BertForMaskedLM", ("BertConfig", {**text, **wide}))
add("distilbert", "DistilBertForSequenceClassification", ("DistilBertConfig", dict(dim=16, hidden_dim=32, n_layers=2, n_heads=2, sinusoidal_pos_embds=True, **text)), extra=("ts-ort-bert",))
add("roberta", "RobertaForSequenceClassification", ("RobertaConfig", {**text, **wide}), extra=("ts-ort-bert",))
add("albert", "AlbertForSequenceClassification", ("AlbertConfig", dict(embedding_size=8, **text, **wide)))
add("electra", "ElectraForSequenceClassification", ("ElectraConfig", dict(embedding_size=8, **text, **wide)))
add("mpnet", "MPNetModel", ("MPNetConfig", {**text, **wide}))
add("xlnet", "XLNetModel", ("XLNetConfig", dict(vocab_size=40, d_model=16, n_layer=2, n_head=2, d_inner=32)))
add("deberta-v2", "DebertaV2ForSequenceClassification", ("DebertaV2Config", dict(relative_attention=True, pos_att_type=["p2c", "c2p"], position_buckets=4, norm_rel_ebd="layer_norm", share_att_key=True, **text, **wide)))
add("mobilebert", "MobileBertForSequenceClassification", ("MobileBertConfig", dict(embedding_size=8, true_hidden_size=8, intra_bottleneck_size=8, num_feedforward_networks=2, **text, **wide)))
add("funnel", "FunnelModel", ("FunnelConfig", dict(vocab_size=40, block_sizes=[1, 1], num_decoder_layers=1, d_model=16, n_head=2, d_head=8, d_inner=32)))
add("gpt2", "GPT2LMHeadModel", ("GPT2Config", dict(vocab_size=40, n_positions=16, n_embd=16, n_layer=2, n_head=2, attn_implementation="eager")), extra=("ts-ort-gpt2",), output="logits", use_cache=False)
add("gpt-neo", "GPTNeoForCausalLM", ("GPTNeoConfig", dict(vocab_size=40, max_position_embeddings=16, hidden_size=16, num_layers=2, num_heads=2, attention_types=[[["global", "local"], 1]], window_size=4, attn_implementation="eager")), output="logits", use_cache=False)
add("gpt-neox", "GPTNeoXForCausalLM", ("GPTNeoXConfig", {**text, **wide}), output="logits", use_cache=False)
add("gptj", "GPTJForCausalLM", ("GPTJConfig", dict(vocab_size=40, n_positions=16, n_embd=16, n_layer=1, n_head=2, rotary_dim=4, attn_implementation="eager")), output="logits", use_cache=False)
add("llama", "LlamaForCausalLM", ("LlamaConfig", dict(num_key_value_heads=1, **text, **wide)), output="logits", use_cache=False)
add("llama-tied", "LlamaForCausalLM", ("LlamaConfig", dict(num_key_value_heads=2, tie_word_embeddings=True, **text, **wide)), output="logits", use_cache=False)
add("qwen3", "Qwen3ForCausalLM", ("Qwen3Config", dict(num_key_value_heads=1, head_dim=8, **text, **wide)), output="logits", use_cache=False)
add("gemma2", "Gemma2ForCausalLM", ("Gemma2Config", dict(num_key_value_heads=1, head_dim=8, **text, **wide)), output="logits", use_cache=False)
add("phi", "PhiForCausalLM", ("PhiConfig", {**text, **wide}), output="logits", use_cache=False)
add("opt", "OPTForCausalLM", ("OPTConfig", dict(hidden_size=16, ffn_dim=32, num_hidden_layers=2, num_attention_heads=2, word_embed_proj_dim=16, **text)), output="logits", use_cache=False)
add("bloom", "BloomForCausalLM", ("BloomConfig", dict(vocab_size=40, hidden_size=16, n_layer=2, n_head=2)), output="logits", use_cache=False)
add("mamba", "MambaForCausalLM", ("MambaConfig", dict(vocab_size=40, hidden_size=8, state_size=4, num_hidden_layers=1, time_step_rank=2)), output="logits", use_cache=False)
add("t5-encoder", "T5EncoderModel", ("T5Config", dict(vocab_size=40, d_model=16, d_kv=8, d_ff=32, num_layers=2, num_heads=2, relative_attention_num_buckets=8)))
add("vit", "ViTForImageClassification", ("ViTConfig", dict(image_size=32, patch_size=8, attn_implementation="eager", **wide)), inputs=picture)
add("deit", "DeiTForImageClassificationWithTeacher", ("DeiTConfig", dict(image_size=32, patch_size=8, attn_implementation="eager", **wide)), inputs=picture)
add("beit", "BeitForImageClassification", ("BeitConfig", dict(image_size=32, patch_size=8, use_relative_position_bias=True, **wide)), inputs=picture)
add("dinov2", "Dinov2ForImageClassification", ("Dinov2Config", dict(image_size=32, patch_size=8, attn_implementation="eager", **wide)), inputs=picture)
add("swin", "SwinForImageClassification", ("SwinConfig", dict(image_size=32, patch_size=4, window_size=4, embed_dim=16, depths=[2, 2], num_heads=[2, 2])), inputs=picture)
add("segformer", "SegformerForSemanticSegmentation", ("SegformerConfig", dict(depths=[1, 1, 1, 1], hidden_sizes=[8, 8, 16, 16], num_attention_heads=[1, 1, 2, 2], decoder_hidden_size=16)), inputs=picture)
add("poolformer", "PoolFormerForImageClassification", ("PoolFormerConfig", dict(depths=[1, 1, 1, 1], hidden_sizes=[8, 8, 16, 16])), inputs=picture)
add("convnextv2", "ConvNextV2ForImageClassification", ("ConvNextV2Config", dict(depths=[1, 1, 1, 1], hidden_sizes=[8, 8, 16, 16])), inputs=picture)
add("mobilevit", "MobileViTForImageClassification", ("MobileViTConfig", dict(image_size=32, hidden_sizes=[16, 16, 16], neck_hidden_sizes=[4, 8, 8, 8, 8, 8, 16], num_attention_heads=2, intermediate_size=32)), inputs=picture)
add("resnet", "ResNetForImageClassification", ("ResNetConfig", dict(embedding_size=8, hidden_sizes=[8, 8, 16, 16], depths=[1, 1, 1, 1])), inputs=lambda: torch.randn(2, 3, 64, 64))
add("clip-vision", "CLIPVisionModelWithProjection", ("CLIPVisionConfig", dict(image_size=32, patch_size=8, projection_dim=8, attn_implementation="eager", **wide)), inputs=picture)
add("clip-text", "CLIPTextModelWithProjection", ("CLIPTextConfig", dict(projection_dim=8, eos_token_id=2, bos_token_id=1, **text, **wide)))
add("wav2vec2", "Wav2Vec2ForSequenceClassification", ("Wav2Vec2Config", dict(conv_dim=[8, 8], conv_kernel=[10, 3], conv_stride=[5, 2], num_feat_extract_layers=2, num_conv_pos_embeddings=8, num_conv_pos_embedding_groups=2, attn_implementation="eager", **wide)), inputs=lambda: torch.randn(1, 400), argument="input_values")
add("hubert", "HubertForSequenceClassification", ("HubertConfig", dict(conv_dim=[8, 8], conv_kernel=[10, 3], conv_stride=[5, 2], num_feat_extract_layers=2, num_conv_pos_embeddings=8, num_conv_pos_embedding_groups=2, attn_implementation="eager", **wide)), inputs=lambda: torch.randn(1, 400), argument="input_values")
add("audio-spectrogram", "ASTForAudioClassification", ("ASTConfig", dict(max_length=32, num_mel_bins=16, patch_size=8, frequency_stride=8, time_stride=8, attn_implementation="eager", **wide)), inputs=lambda: torch.randn(1, 32, 16), argument="input_values")
add("sew", "SEWForSequenceClassification", ("SEWConfig", dict(conv_dim=[8, 8], conv_kernel=[10, 3], conv_stride=[5, 2], num_feat_extract_layers=2, num_conv_pos_embeddings=8, num_conv_pos_embedding_groups=2, squeeze_factor=2, attn_implementation="eager", **wide)), inputs=lambda: torch.randn(1, 400), argument="input_values")


class Encoder(nn.Module):
    def __init__(self, encoder):
        super().__init__()
        self.encoder = encoder

    def forward(self, x):
        return self.encoder(x)[0]


def whisper():
    config = hf.WhisperConfig(vocab_size=40, num_mel_bins=8, d_model=16, encoder_layers=2, decoder_layers=1, encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=32, decoder_ffn_dim=32, max_source_positions=16, max_target_positions=8, pad_token_id=0, bos_token_id=1, eos_token_id=2, decoder_start_token_id=1, attn_implementation="eager")
    return Encoder(hf.WhisperModel(config).encoder), torch.randn(1, 8, 32)


registry.add(whisper, "whisper-encoder")


class Pair(nn.Module):
    def __init__(self, net, first, second, output):
        super().__init__()
        self.net, self.first, self.second, self.output = net, first, second, output

    def forward(self, a, b):
        result = self.net(**{self.first: a, self.second: b})
        return getattr(result, self.output)


def t5():
    config = hf.T5Config(vocab_size=40, d_model=16, d_kv=8, d_ff=32, num_layers=1, num_heads=2, relative_attention_num_buckets=8, use_cache=False)
    return Pair(hf.T5ForConditionalGeneration(config), "input_ids", "decoder_input_ids", "logits"), (words(), words(4))


def bart():
    config = hf.BartConfig(vocab_size=40, max_position_embeddings=16, d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=32, decoder_ffn_dim=32, use_cache=False, attn_implementation="eager")
    return Pair(hf.BartForConditionalGeneration(config), "input_ids", "decoder_input_ids", "logits"), (words(), words(4))


def clip():
    config = hf.CLIPConfig(text_config=dict(**text, **wide), vision_config=dict(image_size=32, patch_size=8, **wide), projection_dim=8, attn_implementation="eager")
    return Pair(hf.CLIPModel(config), "input_ids", "pixel_values", "logits_per_image"), (words(), picture())


def siglip():
    config = hf.SiglipConfig(text_config=dict(**text, **wide), vision_config=dict(image_size=32, patch_size=8, **wide), attn_implementation="eager")
    return Pair(hf.SiglipModel(config), "input_ids", "pixel_values", "logits_per_image"), (words(16), picture())


for make in (t5, bart, clip, siglip):
    registry.add(make)
