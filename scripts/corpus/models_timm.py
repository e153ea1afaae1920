"""Narrow and shallow networks of timm."""

import timm
import torch
from timm.models import byobnet, convmixer, efficientnet, focalnet, ghostnet, hrnet, metaformer, mlp_mixer, mobilenetv3

from torch_models import Registry

registry = Registry()
names, forms = registry.names, registry.forms


def model(architecture, size=32, name=None, planes=3, **options):
    def make():
        timm.layers.set_fused_attn(architecture[:3] not in ("bei", "eva"))  # Does not export there.
        return timm.create_model(architecture, pretrained=False, num_classes=5, **options), torch.randn(2, planes, size, size)

    registry.add(make, name or architecture)


narrow = dict(channels=(8, 16, 16, 24), layers=(1, 1, 1, 1))
model("resnet18", **narrow)
model("resnet50", **narrow, name="resnet50d-like", stem_type="deep", avg_down=True, stem_width=8)
model("resnext50_32x4d", cardinality=4, base_width=8, **narrow)
model("seresnet50", **narrow)
model("vit_tiny_patch16_224", size=32, img_size=32, patch_size=8, embed_dim=32, depth=2, num_heads=2)
model("deit_tiny_distilled_patch16_224", img_size=32, patch_size=8, embed_dim=32, depth=2, num_heads=2)
model("swin_tiny_patch4_window7_224", img_size=32, window_size=4, embed_dim=16, depths=(2, 2), num_heads=(2, 2))
model("beit_base_patch16_224", img_size=32, patch_size=8, embed_dim=32, depth=2, num_heads=2)
model("convnext_atto", depths=(1, 1, 2, 1), dims=(8, 16, 24, 32))
model("densenet121", growth_rate=4, block_config=(2, 2))
model("dm_nfnet_f0", channels=(16, 16, 16, 16), depths=(1, 1, 1, 1), stem_chs=16, group_size=8)
model("levit_128s", img_size=64, embed_dim=(16, 24, 32), num_heads=(2, 2, 2), depth=(1, 1, 1), key_dim=8, size=64)
model("xcit_nano_12_p16_224", img_size=32, embed_dim=16, depth=2, num_heads=2)
model("cait_xxs24_224", img_size=32, patch_size=8, embed_dim=16, depth=2, num_heads=2)
model("edgenext_xx_small", depths=(1, 1, 1, 1), dims=(8, 16, 16, 24), heads=(2, 2, 2, 2))
model("eva02_tiny_patch14_224", img_size=28, patch_size=7, embed_dim=32, depth=2, num_heads=2, size=28)
model("mobilevit_xxs", size=32)
model("swinv2_tiny_window8_256", img_size=32, window_size=4, embed_dim=16, depths=(2, 2), num_heads=(2, 2))
model("pvt_v2_b0", embed_dims=(8, 16, 16, 16), depths=(1, 1, 1, 1), num_heads=(1, 1, 2, 2))
model("crossvit_tiny_240", img_size=48, img_scale=(1.0, 1.0), patch_size=(12, 16), embed_dim=(16, 32), depth=((1, 1, 0), (1, 1, 0)), num_heads=(2, 2), mlp_ratio=(2, 2, 1), size=48)
model("res2net50_26w_4s", channels=(8, 8, 8, 8), layers=(1, 1, 1, 1), base_width=8)
model("skresnet18", channels=(16, 16, 16, 16), layers=(1, 1, 1, 1))
model("ecaresnet50t", channels=(8, 8, 8, 8), layers=(1, 1, 1, 1), stem_width=8)
model("resnetv2_50", channels=(32, 32, 32, 32), layers=(1, 1, 1, 1), stem_chs=32)
model("vit_base_patch16_siglip_224", img_size=32, patch_size=8, embed_dim=32, depth=1, num_heads=2)
model("vit_small_patch14_reg4_dinov2", img_size=32, patch_size=8, embed_dim=32, depth=2, num_heads=2)
model("fastvit_t8", layers=(1, 1, 1, 1), embed_dims=(8, 16, 16, 16))
model("tiny_vit_5m_224", embed_dims=(8, 16, 16, 32), depths=(1, 1, 1, 1), num_heads=(1, 1, 2, 2), window_sizes=(4, 4, 4, 4), size=32)
model("dla34", levels=(1, 1, 1, 1, 1, 1), channels=(4, 8, 8, 16, 16, 16))
model("davit_tiny", depths=(1, 1, 1, 1), embed_dims=(8, 16, 16, 16), num_heads=(1, 1, 2, 2), window_size=4)
model("starnet_s1", base_dim=8, depths=(1, 1, 1, 1))
model("maxvit_rmlp_nano_rw_256", depths=(1, 1), embed_dim=(32, 32), stem_width=8, img_size=32)


def direct(name, make, size=32):
    registry.add(lambda: (make(), torch.randn(2, 3, size, size)), name)


mixer = dict(num_classes=5, img_size=32, patch_size=8, embed_dim=16, num_blocks=2)
direct("mixer", lambda: mlp_mixer.MlpMixer(**mixer))
direct("gmlp", lambda: mlp_mixer.MlpMixer(block_layer=mlp_mixer.SpatialGatingBlock, mlp_layer=mlp_mixer.GatedMlp, mlp_ratio=4, **mixer))
direct("resmlp", lambda: mlp_mixer.MlpMixer(block_layer=mlp_mixer.ResBlock, norm_layer=mlp_mixer.Affine, mlp_ratio=4, **mixer))
direct("mobilenetv3", lambda: mobilenetv3._gen_mobilenet_v3("mobilenetv3_small_050", 0.25, num_classes=5))
direct("efficientnet_b0", lambda: efficientnet._gen_efficientnet("efficientnet_b0", 0.25, 0.3, num_classes=5))
direct("mobilenetv2", lambda: efficientnet._gen_mobilenet_v2("mobilenetv2_050", 0.25, depth_multiplier=0.3, num_classes=5))
direct("ghostnet", lambda: ghostnet._create_ghostnet("ghostnet_050", width=0.1, num_classes=5))
direct("convmixer", lambda: convmixer.ConvMixer(16, 2, 5, 4, num_classes=5))
direct("focalnet", lambda: focalnet.FocalNet(depths=(1, 1), embed_dim=16, num_classes=5))
direct("focalnet-scaled", lambda: focalnet.FocalNet(depths=(1, 1), embed_dim=16, num_classes=5, layerscale_value=1e-4, use_post_norm=True))


def repvgg():
    block = byobnet.ByoBlockCfg
    blocks = tuple(block(type="rep", d=2, c=c, s=2, gs=0) for c in (8, 16))
    return byobnet.ByobNet(byobnet.ByoModelCfg(blocks=blocks, stem_type="rep", stem_chs=8), num_classes=5)


direct("repvgg", repvgg)


def hrnet_config():
    stage = lambda n: dict(num_modules=1, num_branches=n, block_type="BASIC", num_blocks=(1,) * n, num_channels=(4, 8, 8, 8)[:n], fuse_method="SUM")
    first = dict(num_modules=1, num_branches=1, block_type="BOTTLENECK", num_blocks=(1,), num_channels=(8,), fuse_method="SUM")
    return dict(stem_width=8, stage1=first, stage2=stage(2), stage3=stage(3), stage4=stage(4))


direct("hrnet", lambda: hrnet.HighResolutionNet(hrnet_config(), num_classes=5, head=""))
small = dict(depths=(1, 1, 1, 1), dims=(8, 16, 16, 16), num_classes=5)
direct("poolformer", lambda: metaformer.MetaFormer(**small, downsample_norm=None, norm_layers=metaformer.GroupNorm1, use_mlp_head=False))
direct("caformer", lambda: metaformer.MetaFormer(**{**small, "dims": (32, 32, 32, 32)}, token_mixers=[metaformer.SepConv, metaformer.SepConv, metaformer.Attention, metaformer.Attention], mlp_act=metaformer.StarReLU, norm_layers=[metaformer.LayerNorm2dNoBias] * 2 + [metaformer.LayerNormNoBias] * 2, layer_scale_init_values=None, res_scale_init_values=(None, None, 1.0, 1.0)))
