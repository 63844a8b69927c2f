"use strict";
// What the shelf shows; the same goods as data/demo_shop/products.csv.
window.DEMO_PRODUCTS = [
  { id: "YH-A01", zh: "云雀降噪耳机", en: "Lark noise-cancelling headphones", price: 599, zhNote: "主动降噪，续航 40 小时", enNote: "40 hours of quiet on one charge", shape: "headphones", tone: "mint" },
  { id: "YH-H01", zh: "小白扫地机器人 S3", en: "Bai robot vacuum S3", price: 1899, zhNote: "激光导航，扫拖一体", enNote: "Laser navigation, sweeps and mops", shape: "robot", tone: "sand" },
  { id: "YH-K04", zh: "晨间半自动咖啡机", en: "Morning espresso machine", price: 1299, zhNote: "15 帕泵压，蒸汽奶泡", enNote: "15 bar pump and steam wand", shape: "coffee", tone: "clay" },
  { id: "YH-L01", zh: "知夏护眼台灯", en: "Zhixia desk lamp", price: 219, zhNote: "亮度色温可调，无频闪", enNote: "Adjustable and flicker-free", shape: "lamp", tone: "sun" },
  { id: "YH-H04", zh: "清风空气净化器", en: "Breeze air purifier", price: 1099, zhNote: "适用 40 平，睡眠档 22 分贝", enNote: "For 40 m², 22 dB at night", shape: "air", tone: "mint" },
  { id: "YH-C01", zh: "青石机械键盘 87 键", en: "Bluestone mechanical keyboard", price: 399, zhNote: "红轴，三模连接，热插拔", enNote: "Hot-swappable, wired and wireless", shape: "keyboard", tone: "stone" },
  { id: "YH-W01", zh: "领跑智能手表", en: "Leader smart watch", price: 899, zhNote: "50 米防水，续航 14 天", enNote: "Waterproof, 14 days of battery", shape: "watch", tone: "clay" },
  { id: "YH-B01", zh: "安睡记忆棉枕", en: "Restful memory foam pillow", price: 169, zhNote: "慢回弹，枕套可机洗", enNote: "Slow foam, washable cover", shape: "pillow", tone: "sand" },
];
